"""A job as its workers see it: a source, a shard writer, and the files of one split.

`write_shard` is what a worker does: it reads one shard's lines from the source, has the writer write them, and
leaves a report beside the shard. Bytes depend on the source alone, never on workers, runner or order.
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, ClassVar, NamedTuple, Protocol

import google_crc32c
from absl import logging

from densenet_ocr.beam_jobs.engine.source import RefusedRow, ShardPlan, Source
from densenet_ocr.beam_jobs.engine.split_state import state_folder
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import ShardInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.tfrecord import records

# Done rows of unfinished shards are shown by the size of a file with this ending, one byte per row. The ending
# is that of a temporary file, so that what a killed worker leaves is removed with those.
_COUNTER_SUFFIX = f".rows{storage.TEMPORARY}count"

_FLUSH_ROWS = 64  # rows per write of the counter file

_SAMPLED_LINES = 100  # whose mean size estimates that of all: rows go into shards in random order

Count = Callable[[int], None]


class Checksum:
    """Counts bytes that are written, and their CRC-32C."""

    def __init__(self) -> None:
        self.bytes, self._crc = 0, 0

    def add(self, data: bytes) -> None:
        """Counts more bytes."""
        self.bytes += len(data)
        self._crc = google_crc32c.extend(self._crc, data)

    @property
    def crc32c(self) -> str:
        """CRC-32C of all bytes, eight hexadecimal digits."""
        return f"{self._crc:08x}"


class Report(NamedTuple):
    """One finished shard: its file, its refused rows, and the statistics of its lines."""

    shard: ShardInfo
    refused: list[RefusedRow]
    statistics: dict[str, dict[str, int]]


class ShardWriter(Protocol):
    """Writes shards of one format, each a file. A writer is pickled to the workers.

    Attributes:
      suffix: Ending of a shard's file name.
    """

    suffix: ClassVar[str]

    def write(self, name: str, lines: Iterable[Any], file: BinaryIO, count: Count) -> Report:
        """Writes a shard.

        Args:
          name: Name of the shard's file.
          lines: What Source.read yields: lines, and RefusedRows to return as `refused`.
          file: An open file, which takes the shard's name when this method returns.
          count: To be called with the number of rows done since the last call, for the progress display.

        Returns:
          What was written, with CRC-32C and size of the file.
        """

    def is_intact(self, folder: str, shard: ShardInfo) -> bool:
        """Returns whether a shard in `folder` still has the described size, and if it is local, checksum.

        A store gets the bytes of a file whole, so that its size will do; to read all of them takes hours.
        """
        path = storage.join(folder, shard.name)
        try:
            has_size = storage.size(path) == shard.bytes
        except FileNotFoundError:
            return False
        return has_size and (storage.is_url(path) or records.hash_file(path) == shard.crc32c)

    @property
    def stored_as(self) -> str:
        """How lines are stored, for messages."""

    def estimate_line_bytes(self, source: Source) -> float:
        """Returns about how many bytes a line takes on disk; 0 where that does not matter."""
        return 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardJob:
    """One split to write.

    Attributes:
      folder: Output folder.
      split: Name of the split.
      plan: Which rows each shard takes.
      source: Where its lines come from.
      writer: What writes its shards.
      digest: Hash of all that the bytes depend on; a finished shard of another digest is not reused.
    """

    folder: str
    split: str
    plan: ShardPlan
    source: Source
    writer: ShardWriter
    digest: str

    def shard_name(self, shard: int) -> str:
        """Returns a shard's file name, such as train-00000-of-00801.tfrecord."""
        return f"{self.split}-{shard:05d}-of-{self.plan.shard_count:05d}{self.writer.suffix}"

    def shard_path(self, shard: int) -> str:
        """Returns the path of a shard's file."""
        return storage.join(self.folder, self.shard_name(shard))

    def report_path(self, shard: int) -> str:
        """Returns the path of a shard's report."""
        return storage.join(self.state_folder, f"{shard:05d}.json")

    @property
    def state_folder(self) -> str:
        """Folder of plan and reports, removed when the split is published."""
        return state_folder(self.folder, self.split)

    @property
    def rejects_path(self) -> str:
        """Path of the split's refused rows."""
        return storage.join(self.folder, f"{self.split}.rejects.tsv")


def sample_lines(source: Source) -> list[Any]:
    """Returns some lines of a source, without its refused rows."""
    sample = itertools.islice(source.read(0), _SAMPLED_LINES)
    return [line for line in sample if not isinstance(line, RefusedRow)]


def check_free_space(job: ShardJob, done: int) -> None:
    """Logs what a job will write, and checks that it fits.

    Args:
      job: The job.
      done: Number of its shards that exist.

    Raises:
      UserError: the other shards need more than the output folder has free.
    """
    shards, stored_as = job.plan.shard_count, job.writer.stored_as
    rows = job.plan.rows * (shards - done) // shards
    needed, free = round(rows * job.writer.estimate_line_bytes(job.source)), storage.free_bytes(job.folder)
    needed_size = storage.describe_size(needed)
    free_size = "unlimited bytes" if free is None else storage.describe_size(free)
    logging.info("%s rows into %d shards, about %s; %s are free", f"{rows:,}", shards, needed_size, free_size)
    if free is not None and needed > free:
        saves = "; --image_encoding=uint8 takes a quarter of it" if stored_as == "float32" else ""
        raise UserError(
            f"output {job.folder}",
            received=f"{free_size} of free space",
            expected=f"about {needed_size} for {rows:,} rows as {stored_as}",
            remedy=f"Free space or choose another --output{saves}.",
        )


@contextlib.contextmanager
def count_rows(job: ShardJob, shard: int) -> Iterator[Count]:
    """Within the block, a function that counts more rows of a shard as done while it is written.

    In a store there are no counts, because each change of one would be a request. Only the progress display
    depends on them, so nothing fails where the counter file cannot be written.
    """
    path, pending = storage.join(job.state_folder, f"{shard:05d}{_COUNTER_SUFFIX}"), 0
    file: BinaryIO | None = None
    if not storage.is_url(path):
        with contextlib.suppress(OSError):
            file = open(path, "wb", buffering=0)  # noqa: SIM115 - closed below, whatever that says

    def add(rows: int) -> None:
        nonlocal pending
        pending += rows
        if file and pending >= _FLUSH_ROWS:
            with contextlib.suppress(OSError):
                file.write(bytes(pending))
            pending = 0

    try:
        yield add
    finally:
        if file:
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                storage.remove(path)


def count_unfinished_rows(job: ShardJob) -> dict[int, int]:
    """Returns the rows done of each shard that is being written, by shard number."""
    counts: dict[int, int] = {}
    if storage.is_url(job.state_folder):
        return counts
    for name in storage.list_names(job.state_folder):
        shard = name.removesuffix(_COUNTER_SUFFIX)
        if shard != name:
            with contextlib.suppress(OSError):  # the shard may have been finished a moment ago
                counts[int(shard)] = storage.size(storage.join(job.state_folder, name))
    return counts
