"""Where a job's lines come from: the Source protocol, refused rows, and the plan that cuts rows into shards."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from densenet_ocr.pipeline import storage


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

    The plan lies in a file, because 3.3 million rows are too large for a job graph. A worker reads the rows of
    its shards only, of a URL with one request each.

    Attributes:
      path: A .npy file.
      rows: Number of elements.
      lines_per_shard: Elements per shard; the last shard may have fewer.
      dtype: That of the elements.
    """

    path: str
    rows: int
    lines_per_shard: int
    dtype: np.dtype

    @property
    def shard_count(self) -> int:
        """Number of shards."""
        return -(-self.rows // self.lines_per_shard)

    def rows_of(self, shard: int) -> np.ndarray:
        """Returns the plan's elements of a shard, [at most lines_per_shard]."""
        return self.read(shard * self.lines_per_shard, self.lines_per_shard)

    def read(self, first: int, count: int) -> np.ndarray:
        """Returns elements of the plan from `first` on, [at most count]."""
        size, count = self.dtype.itemsize, min(count, self.rows - first)
        data = storage.read_range(self.path, self._start + first * size, count * size)
        return np.frombuffer(data, self.dtype)

    @functools.cached_property
    def _start(self) -> int:
        """Bytes before the first element."""
        return storage.size(self.path) - self.rows * self.dtype.itemsize


def save_plan(path: str, plan: np.ndarray, lines_per_shard: int) -> ShardPlan:
    """Writes a plan, [rows] of any dtype, as a .npy file."""
    with storage.atomic_file(path) as file:
        np.save(file, plan)
    return ShardPlan(path, len(plan), lines_per_shard, plan.dtype)
