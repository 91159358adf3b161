"""Where a job's lines come from: the Source protocol, refused rows, and the plan that cuts rows into shards."""

import dataclasses
import functools
import hashlib
import io
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from densenet_ocr.pipeline import storage

# The header of a .npy file of a few named columns has some hundred bytes.
_MOST_HEADER_BYTES = 4096


class RefusedRow(NamedTuple):
    """A row of the input that becomes no line.

    Attributes:
      position: Place in the input's order; refusals are sorted by it.
      where: file:line of the row.
      row: The row itself.
      reason: A key of pipeline.errors.REASONS.
      detail: What is wrong, for people.
    """

    position: int
    where: str
    row: str
    reason: str
    detail: str


class Source(Protocol):
    """Lines by shard. A source is pickled to the workers, so it holds paths, not open files."""

    def read(self, shard: int) -> Iterator[Any]:
        """Yields a shard's lines and RefusedRows in order; every call yields the same."""


@dataclasses.dataclass(frozen=True)
class ShardPlan:
    """A plan file: one array element per row, in the order in which rows go into shards.

    The plan lies in a file, because 3.3 million rows are too large for a job graph. Every worker maps the file;
    of a URL it reads the rows of its shards only, with one request each.

    Attributes:
      path: A .npy file.
      rows: Number of elements.
      lines_per_shard: Elements per shard; the last shard may have fewer.
    """

    path: str
    rows: int
    lines_per_shard: int

    @property
    def shard_count(self) -> int:
        """Number of shards."""
        return -(-self.rows // self.lines_per_shard)

    def rows_of(self, shard: int) -> np.ndarray:
        """Returns the plan's elements of a shard, [at most lines_per_shard]."""
        return self._read(shard * self.lines_per_shard, self.lines_per_shard)

    def first_rows(self, count: int) -> np.ndarray:
        """Returns the first elements of the plan, [at most count]."""
        return self._read(0, count)

    def _read(self, first: int, count: int) -> np.ndarray:
        if not storage.is_url(self.path):
            return self._array[first : first + count]
        start, dtype = self._header
        count = min(count, self.rows - first)
        data = storage.read_range(self.path, start + first * dtype.itemsize, count * dtype.itemsize)
        return np.frombuffer(data, dtype)

    @functools.cached_property
    def _header(self) -> tuple[int, np.dtype]:
        """Bytes before the first element, and the dtype of elements."""
        file = io.BytesIO(storage.read_range(self.path, 0, _MOST_HEADER_BYTES))
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        _, _, dtype = read(file)
        return file.tell(), dtype

    @functools.cached_property
    def _array(self) -> np.ndarray:
        return np.load(self.path, mmap_mode="r")

    def __getstate__(self) -> dict[str, Any]:
        return fields_of(self)


def save_plan(path: str, plan: np.ndarray) -> str:
    """Writes a plan, [rows] of any dtype, as a .npy file and returns its SHA-256."""
    with storage.atomic_file(path) as file:
        np.save(file, plan)
    return hashlib.sha256(plan.data).hexdigest()


def fields_of(instance: Any) -> dict[str, Any]:
    """Returns the fields of a dataclass, for __getstate__: cached open files are not pickled."""
    return {field.name: getattr(instance, field.name) for field in dataclasses.fields(instance)}
