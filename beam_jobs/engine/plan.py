"""Which row goes into which shard: a few numbers a row, made once, in a file that every worker maps.

A plan is an array in the seeded order in which rows go into shards. 3.3 million rows take 53 MB.
"""

import abc
import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from densenet_ocr.beam_jobs.engine.job import RefusedRow
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.frames import count_frames, required_frames
from densenet_ocr.pipeline.line_list import ENCODING, hash_path
from densenet_ocr.pipeline.schema import Record
from densenet_ocr.pipeline.ui.progress import Progress

# One row: which of the lists has it, its line, where it starts there; whether its path makes it a duplicate,
# whether it is held out for validation.
PLAN_ROW = np.dtype(
    [("list", "<u2"), ("line", "<u4"), ("offset", "<i8"), ("duplicate", "?"), ("held_out", "?")]
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlannedSource(abc.ABC):
    """Lines in the order of a plan; see beam_jobs.engine.job.Source. Subclasses know what a row of it tells."""

    plan_path: str
    rows: int
    lines_per_shard: int
    charset: Charset
    geometry: images.Geometry
    fit: str

    @property
    def shard_count(self) -> int:
        """Shards of lines_per_shard rows each, the last one perhaps shorter."""
        return -(-self.rows // self.lines_per_shard)

    @abc.abstractmethod
    def read(self, shard: int) -> Iterator[Any]:
        """The lines of one shard's rows, or why they are refused, in the plan's order."""

    def plan_of(self, shard: int) -> np.ndarray:
        """The plan's rows of a shard."""
        first = shard * self.lines_per_shard
        return self._plan[first : first + self.lines_per_shard]

    def check_label(self, label: list[int]) -> None:
        """Raises Refused for a label too long for the width that all lines have; where they have one."""
        if self.geometry.width:
            _check_label(label, self.geometry.width)

    def make_record(self, key: str, image: bytes, label: list[int]) -> Record:
        """The record of an encoded image; raises Refused."""
        levels = images.decode_line(image, self.geometry, self.fit)
        if not self.geometry.width:
            _check_label(label, levels.shape[1])
        return Record(key, levels, label)

    @functools.cached_property
    def _plan(self) -> np.ndarray:
        return np.load(self.plan_path, mmap_mode="r")

    def __getstate__(self):
        # Open files stay here: each worker opens its own.
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


class RowSource(PlannedSource):
    """Lines of a plan of PLAN_ROW. Subclasses know where a row's line is."""

    def read(self, shard: int) -> Iterator[Any]:
        """What read_line gives of one shard's rows, or why it refuses them, in the plan's order."""
        for _, _, line in self.read_rows(shard):
            yield line

    def read_rows(self, shard: int) -> Iterator[tuple[int, int, Any]]:
        """As `read`, each line behind the number of its row's list and the row's offset there."""
        for number, line, offset, duplicate, _ in self.plan_of(shard).tolist():
            try:
                if duplicate:
                    raise Refused("duplicate", "the path stands in another row too, which counts")
                found = self.read_line(number, offset)
            except Refused as refusal:
                where, row = self.describe_row(number, line, offset)
                found = RefusedRow(number << 32 | line, where, row, refusal.reason, refusal.detail)
            yield number, offset, found

    @abc.abstractmethod
    def read_line(self, number: int, offset: int) -> Any:
        """The line, such as a record, of a row of list `number`; raises Refused."""

    @abc.abstractmethod
    def describe_row(self, number: int, line: int, offset: int) -> tuple[str, str]:
        """Where a row stands, as file:line, and what stands there."""


def make_plan(
    rows: np.ndarray,
    paths: Iterable[bytes],
    *,
    duplicates: str,
    seed: int,
    validation_fraction: float,
    encoding: str = ENCODING,
) -> np.ndarray:
    """Puts rows (PLAN_ROW [N], in the input's order, changed in place) into the seed's order, all marks set.

    `paths` gives for every row bytes, in `encoding`, that split_row finds its path in. A path's hash alone
    says whether it is held out, so that a row stays on its side whatever other rows there are.
    """
    if duplicates != "keep" or validation_fraction:
        hashes = _hash_paths(paths, len(rows), seed, encoding)
        rows["held_out"] = hashes[:, 0] < np.uint64(validation_fraction * 2**64)
        if duplicates != "keep":
            rows["duplicate"] = find_duplicates(hashes, duplicates)
    # numpy promises the raw stream of a bit generator for ever, the shuffles of a Generator only for a release.
    return rows[np.argsort(np.random.PCG64(seed).random_raw(len(rows)), kind="stable")]


def save_plan(path: str, plan: np.ndarray) -> str:
    """Writes a plan where workers can map it; returns its SHA-256."""
    with storage.atomic_file(path) as file:
        np.save(file, plan)
    return hashlib.sha256(plan.data).hexdigest()


def find_duplicates(hashes: np.ndarray, keep: str) -> np.ndarray:
    """Which rows are refused (bool [rows]) because their path (hashes, uint64 [rows, 2]) stands twice."""
    # lexsort is stable, so rows of one path keep their order.
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))
    ordered = hashes[order]
    equal = np.all(ordered[1:] == ordered[:-1], axis=1)
    has_earlier, has_later = np.append(False, equal), np.append(equal, False)
    refused = {"last": has_later, "first": has_earlier, "refuse": has_earlier | has_later}[keep]
    mask = np.zeros(len(hashes), bool)
    mask[order] = refused[: len(hashes)]
    return mask


def _hash_paths(paths: Iterable[bytes], count: int, seed: int, encoding: str) -> np.ndarray:
    """The hashes of all paths, uint64 [count, 2]."""
    hashes, progress = bytearray(16 * count), Progress("hash paths", count, "rows")
    for number, path in enumerate(paths):
        hashes[16 * number : 16 * number + 16] = hash_path(path, seed, encoding)
        if not number % 4096:
            progress.show(number)
    return np.frombuffer(hashes, "<u8").reshape(-1, 2)


def _check_label(label: list[int], width: int) -> None:
    frames, needed = count_frames(width), required_frames(label)
    if needed > frames:
        raise Refused(
            "label_too_long", f"{len(label)} characters need {needed} frames, {width} pixels give {frames}"
        )
