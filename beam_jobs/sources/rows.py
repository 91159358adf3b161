"""Rows of an input as a Source: which row goes into which shard, and what becomes of each row.

A kind of input is one class with the methods of `Rows`: list files (sources.list_rows), an LMDB
(sources.lmdb_rows). `plan_rows` orders its rows, and RowSource reads them by shard. Images in a store are read
ahead, many at once, because each answer takes its time; files are read in turn.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from densenet_ocr.beam_jobs.engine.source import RefusedRow, ShardPlan
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.geometry import required_frames
from densenet_ocr.pipeline.line_list import hash_path
from densenet_ocr.pipeline.schema import Record
from densenet_ocr.pipeline.ui.progress import Progress

# Requests that wait for an answer, in each worker; twice as many images are in memory. With 20 ms an answer, 64
# requests bring 3,200 images/s.
_AT_ONCE = 64

# So many images that may not be read, and none before them that may, are an error of the settings, not of rows.
_MOST_DENIED = 16

# One row of a plan: which of the lists it is in, its line there, the byte (or number) at which it starts;
# whether another row of the same path counts instead; whether it belongs to the validation split. 16 bytes.
PLAN_ROW = np.dtype(
    [("list", "<u2"), ("line", "<u4"), ("offset", "<i8"), ("duplicate", "?"), ("held_out", "?")]
)

_BLOCK = 4096  # labels that are read at once

# A row of a plan as Python's numbers.
_PlanRow = tuple[int, int, int, bool, bool]


class Rows(Protocol):
    """An input with rows. It is pickled to the workers, so it holds paths, not open files."""

    def scan(self) -> np.ndarray:
        """Returns all rows that are not blank, PLAN_ROW [rows], in the input's order.

        Raises:
          UserError: there are no rows.
        """

    def paths(self, rows: np.ndarray) -> Iterator[bytes]:
        """Yields for each of `rows`, PLAN_ROW [rows], its path as line_list.normalise_path gives it."""

    def labels(self, rows: np.ndarray) -> Iterator[str | list[bytes] | None]:
        """Yields the label of each row, PLAN_ROW [rows]: a text, ids (charset rows), or None if refused."""

    def identify(self) -> dict[str, Any]:
        """Returns what identifies this input, such as hashes of files; a resumed run compares it."""

    def find_line(self, number: int, offset: int, builder: "RecordBuilder") -> "FoundLine":
        """Returns what a row says, given by its plan's "list" and "offset".

        Raises:
          Refused: the row does not become a record.
        """

    def has_remote_images(self) -> bool:
        """Returns whether images lie in a store; opens the input, for threads that read then."""

    def describe(self, number: int, line: int, offset: int) -> tuple[str, str]:
        """Returns a row's file:line and its text, for the rejects file."""


class FoundLine(NamedTuple):
    """What a row says of its line: the key, the path or the bytes of its image, and class ids."""

    key: str
    image: str | bytes
    label: list[int]


@dataclasses.dataclass(frozen=True)
class RecordBuilder:
    """Makes records of image files and labels, as a data set wants them."""

    info: DatasetInfo

    def check_label(self, label: list[int]) -> None:
        """Raises Refused for a label that needs more frames than all lines have; before the image is read."""
        if self.info.geometry.width:
            self._check_frames(label, self.info.geometry.width)

    def build(self, line: FoundLine, image: bytes) -> Record:
        """Returns the record of a line and the bytes of its image.

        Raises:
          Refused: the image cannot be used, or is too narrow for the label.
        """
        info = self.info
        levels = images.decode_line(image, info.geometry, info.fit, info.invert)
        if not info.geometry.width:
            self._check_frames(line.label, levels.shape[1])
        return Record(line.key, levels, line.label)

    def _check_frames(self, label: list[int], width: int) -> None:
        frames, needed = self.info.geometry.count_frames(width), required_frames(label)
        if needed > frames:
            raise Refused(
                "label_too_long", f"{len(label)} characters need {needed} frames, {width} pixels give {frames}"
            )


# A row's line with the bytes of its image, or why there are none.
_Fetched = tuple[FoundLine, bytes] | Refused | storage.NoPermission


@dataclasses.dataclass(frozen=True)
class RowSource:
    """The rows of a plan as a Source (see engine.source).

    Attributes:
      plan: Elements are PLAN_ROW.
      input: The input that has the rows.
      find: Returns what a row says by its "list" and "offset"; raises Refused.
      build: Makes the line of that and the bytes of the image; raises Refused.
    """

    plan: ShardPlan
    input: Rows
    find: Callable[[int, int], FoundLine]
    build: Callable[[FoundLine, bytes], Any]

    def read(self, shard: int) -> Iterator[Any]:
        """See Source."""
        for _, _, line in self.read_rows(shard):
            yield line

    def read_rows(self, shard: int) -> Iterator[tuple[int, int, Any]]:
        """Yields (list, offset, line or RefusedRow) of each row of a shard."""
        rows: list[_PlanRow] = self.plan.rows_of(shard).tolist()
        is_remote = self.input.has_remote_images()
        lines = storage.map_many(self._fetch, rows, _AT_ONCE) if is_remote else map(self._fetch, rows)
        for row, fetched in zip(rows, _stop_if_denied(lines), strict=True):
            number, line, offset, *_ = row
            try:
                if isinstance(fetched, Refused):
                    raise fetched
                found = self.build(*fetched)
            except Refused as refusal:
                where, text = self.input.describe(number, line, offset)
                found = RefusedRow(number << 32 | line, where, text, refusal.reason, refusal.detail)
            yield number, offset, found

    def _fetch(self, row: _PlanRow) -> _Fetched:
        number, _, offset, duplicate, _ = row
        try:
            if duplicate:
                raise Refused("duplicate", "the path stands in another row too, which counts")
            found = self.find(number, offset)
            return found, found.image if isinstance(found.image, bytes) else images.read_file(found.image)
        except (Refused, storage.NoPermission) as error:
            return error


def _stop_if_denied(fetched: Iterable[_Fetched]) -> Iterator[tuple[FoundLine, bytes] | Refused]:
    """Refuses rows whose images may not be read; raises storage.NoPermission where that is true of all."""
    allowed = denied = 0
    for one in fetched:
        if isinstance(one, storage.NoPermission):
            denied += 1
            if denied >= _MOST_DENIED and not allowed:
                raise one
            yield Refused("unreadable_image", str(one))
        else:
            allowed += not isinstance(one, Refused)
            yield one


def read_labels(rows: Rows, title: str) -> Iterator[tuple[np.ndarray, list[str | list[bytes] | None]]]:
    """Yields all rows, PLAN_ROW [at most 4096], with their labels, and shows the progress by a title."""
    scanned = rows.scan()
    progress = Progress(title, len(scanned), "rows")
    for start in range(0, len(scanned), _BLOCK):
        block = scanned[start : start + _BLOCK]
        yield block, list(rows.labels(block))
        progress.show(start)


def plan_rows(
    rows: np.ndarray,
    paths: Iterable[bytes],
    *,
    duplicates: str,
    seed: int,
    validation_fraction: float,
) -> np.ndarray:
    """Returns rows in the seed's order, with "duplicate" and "held_out" set.

    A hash of its path alone decides whether a row is held out, so that it stays on its side whatever other
    rows there are.

    Args:
      rows: PLAN_ROW [rows], in the input's order; its marks are set in place.
      paths: For each row its normalised path; equal paths are one image.
      duplicates: Which row of a path counts: last, first, refuse (none) or keep (all).
      seed: Seed of the order and of the hashes.
      validation_fraction: Share of the rows to hold out.

    Returns:
      PLAN_ROW [rows].
    """
    if duplicates != "keep" or validation_fraction:
        hashes = _hash_paths(paths, len(rows), seed)
        rows["held_out"] = hashes[:, 0] < np.uint64(validation_fraction * 2**64)
        if duplicates != "keep":
            rows["duplicate"] = find_duplicates(hashes, duplicates)
    # numpy guarantees the raw stream of a bit generator for ever, the shuffles of a Generator only for a
    # release.
    return rows[np.argsort(np.random.PCG64(seed).random_raw(len(rows)), kind="stable")]


def find_duplicates(hashes: np.ndarray, keep: str) -> np.ndarray:
    """Returns which rows are refused because their path occurs more than once.

    Args:
      hashes: Hashes of the paths, uint64 [rows, 2].
      keep: Which row of a path counts: last, first or refuse (none).

    Returns:
      bool [rows].
    """
    # lexsort is stable, so rows of one path keep their order.
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))
    ordered = hashes[order]
    equal = np.all(ordered[1:] == ordered[:-1], axis=1)
    has_earlier, has_later = np.append(False, equal), np.append(equal, False)
    refused = {"last": has_later, "first": has_earlier, "refuse": has_earlier | has_later}[keep]
    mask = np.zeros(len(hashes), bool)
    mask[order] = refused[: len(hashes)]
    return mask


def _hash_paths(paths: Iterable[bytes], count: int, seed: int) -> np.ndarray:
    """Returns the hashes of all paths, uint64 [count, 2]."""
    hashes, progress = bytearray(16 * count), Progress("hash paths", count, "rows")
    for number, path in enumerate(paths):
        hashes[16 * number : 16 * number + 16] = hash_path(path, seed)
        if not number % 4096:
            progress.show(number)
    return np.frombuffer(hashes, "<u8").reshape(-1, 2)
