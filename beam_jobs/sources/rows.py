"""Rows of an input as a Source: which row goes into which shard, and what becomes of each row.

A kind of input is one class with the methods of `Rows`: list files (sources.list_rows), an LMDB
(sources.lmdb_rows). `plan_rows` orders its rows, and sources.row_source reads them by shard.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.frames import required_frames
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.imaging.polarity import NEVER
from densenet_ocr.pipeline.line_list import hash_path
from densenet_ocr.pipeline.schema import Record
from densenet_ocr.pipeline.ui.progress import Progress

# One row of a plan: which of the lists it is in, its line there, the byte (or number) at which it starts;
# whether another row of the same path counts instead; whether it belongs to the validation split. 16 bytes.
PLAN_ROW = np.dtype(
    [("list", "<u2"), ("line", "<u4"), ("offset", "<i8"), ("duplicate", "?"), ("held_out", "?")]
)


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
        """Yields the label of each of `rows`: a text, ids as rows of the charset, or None if refused."""

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

    charset: Charset
    geometry: Geometry
    fit: str
    invert: str = NEVER

    @classmethod
    def of(cls, info: DatasetInfo) -> "RecordBuilder":
        """Returns the builder for a data set."""
        return cls(info.charset, info.geometry, info.fit, info.invert)

    def check_label(self, label: list[int]) -> None:
        """Raises Refused for a label that needs more frames than all lines have; before the image is read."""
        if self.geometry.width:
            self._check_frames(label, self.geometry.width)

    def build_found(self, line: FoundLine, image: bytes) -> Record:
        """Returns the record of a row and the bytes of its image; see `build`."""
        return self.build(line.key, image, line.label)

    def build(self, key: str, image: bytes, label: list[int]) -> Record:
        """Returns the record of an encoded image.

        Raises:
          Refused: the image cannot be used, or is too narrow for the label.
        """
        levels = images.decode_line(image, self.geometry, self.fit, self.invert)
        if not self.geometry.width:
            self._check_frames(label, levels.shape[1])
        return Record(key, levels, label)

    def _check_frames(self, label: list[int], width: int) -> None:
        frames, needed = self.geometry.count_frames(width), required_frames(label)
        if needed > frames:
            raise Refused(
                "label_too_long", f"{len(label)} characters need {needed} frames, {width} pixels give {frames}"
            )


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
