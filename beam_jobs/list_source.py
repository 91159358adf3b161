"""A list file and its images as a source of lines: the plan, and the reading of one shard of it.

The plan is an array with a few numbers a row, in the seeded order in which rows go into shards; it lies in a
file beside the output, where every worker maps it.
"""

import dataclasses
import functools
import hashlib
import os
from collections.abc import Iterator

import numpy as np

from beam_jobs.shards import RefusedRow
from pipeline import images, storage
from pipeline.charset import Charset
from pipeline.errors import Refused
from pipeline.frames import count_frames, needed_frames
from pipeline.line_list import LineList, hash_path, parse_row, resolve_path
from pipeline.schema import Record

# One row of a plan: where it starts in the list, its line number, whether its path makes it a duplicate.
PLAN_ROW = np.dtype([("offset", "<i8"), ("line", "<i8"), ("duplicate", "?")])


@dataclasses.dataclass(frozen=True)
class ListSource:
    """Lines of one list, as the plan orders them; see beam_jobs.shards.Source."""

    list_path: str
    image_root: str
    plan_path: str
    charset: Charset
    geometry: images.Geometry
    lines_per_shard: int
    rows: int

    @property
    def shard_count(self) -> int:
        """Shards of lines_per_shard rows each, the last one perhaps shorter."""
        return -(-self.rows // self.lines_per_shard)

    def read(self, shard: int) -> Iterator[Record | RefusedRow]:
        """The records and refusals of one shard's rows."""
        first = shard * self.lines_per_shard
        for offset, line, duplicate in self._plan[first : first + self.lines_per_shard].tolist():
            yield self._read_row(offset, line, duplicate)

    def _read_row(self, offset: int, line: int, duplicate: bool) -> Record | RefusedRow:
        row = self._list.row_at(offset)
        try:
            if duplicate:
                raise Refused("duplicate", "the path stands in another row too, which counts")
            return self._make_record(row)
        except Refused as refusal:
            shown = row.decode("utf-8", "backslashreplace")
            return RefusedRow(line, f"{self.list_path}:{line}", shown, refusal.reason, refusal.detail)

    def _make_record(self, row: bytes) -> Record:
        key, label = parse_row(row, self.charset)
        frames, needed = count_frames(self.geometry.width), needed_frames(label)
        if needed > frames:
            raise Refused(
                "label_too_long",
                f"{len(label)} characters need {needed} frames, {self.geometry.width} pixels give {frames}",
            )
        path = resolve_path(key, self._root)
        return Record(key, images.decode_exact(images.read_file(path), self.geometry), label)

    @functools.cached_property
    def _root(self) -> str:
        return os.path.abspath(self.image_root)

    @functools.cached_property
    def _list(self) -> LineList:
        return LineList(self.list_path)

    @functools.cached_property
    def _plan(self) -> np.ndarray:
        return np.load(self.plan_path, mmap_mode="r")

    def __getstate__(self):
        # Open files stay here: each worker opens its own.
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def make_plan(line_list: LineList, *, duplicates: str, seed: int) -> np.ndarray:
    """All rows of a list but blank ones, PLAN_ROW [rows], in the seed's order, duplicates marked."""
    offsets, lines = line_list.scan()
    plan = np.zeros(len(offsets), PLAN_ROW)
    plan["offset"], plan["line"] = offsets, lines
    if duplicates != "keep":
        plan["duplicate"] = find_duplicates(_hash_paths(line_list, offsets), duplicates)
    # numpy promises the raw stream of a bit generator for ever, the shuffles of a Generator only for a release.
    return plan[np.argsort(np.random.PCG64(seed).random_raw(len(plan)), kind="stable")]


def save_plan(path: str, plan: np.ndarray) -> None:
    """Writes a plan where workers can map it."""
    with storage.atomic_file(path) as file:
        np.save(file, plan)


def find_duplicates(hashes: np.ndarray, keep: str) -> np.ndarray:
    """Which rows are refused (bool [rows]) because their path (hashes, uint64 [rows, 2]) stands twice."""
    # lexsort is stable, so rows of one path keep their order.
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))
    equal = np.all(hashes[order][1:] == hashes[order][:-1], axis=1)
    has_earlier, has_later = np.append(False, equal), np.append(equal, False)
    refused = {"last": has_later, "first": has_earlier, "refuse": has_earlier | has_later}[keep]
    mask = np.zeros(len(hashes), bool)
    mask[order] = refused[: len(hashes)]
    return mask


def hash_file(path: str) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(storage.read_bytes(path)).hexdigest()


def _hash_paths(line_list: LineList, offsets: np.ndarray) -> np.ndarray:
    hashes = bytearray()
    for offset in offsets:
        hashes += hash_path(line_list.row_at(int(offset)))
    return np.frombuffer(bytes(hashes), np.uint64).reshape(-1, 2)
