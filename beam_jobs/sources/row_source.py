"""Rows of an input as a Source: what becomes of each row of a shard.

Images in a store are read ahead, many at once, because each answer takes its time; files are read in turn.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from densenet_ocr.beam_jobs.engine.source import RefusedRow, ShardPlan
from densenet_ocr.beam_jobs.sources.rows import FoundLine, Rows
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.errors import Refused

# Requests that wait for an answer, in each worker; twice as many images are in memory. With 20 ms an answer, 64
# requests bring 3,200 images/s.
_AT_ONCE = 64

# So many images that may not be read, and none before them that may, are an error of the settings, not of rows.
_MOST_DENIED = 16

# A row of a plan as Python's numbers, see rows.PLAN_ROW.
_PlanRow = tuple[int, int, int, bool, bool]

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
        for row, fetched in zip(rows, _stop_if_denied(self._fetch_all(rows)), strict=True):
            number, line, offset, *_ = row
            try:
                if isinstance(fetched, Refused):
                    raise fetched
                found = self.build(*fetched)
            except Refused as refusal:
                where, text = self.input.describe(number, line, offset)
                found = RefusedRow(number << 32 | line, where, text, refusal.reason, refusal.detail)
            yield number, offset, found

    def _fetch_all(self, rows: list[_PlanRow]) -> Iterator[_Fetched]:
        if self.input.has_remote_images():
            return storage.map_many(self._fetch, rows, _AT_ONCE)
        return map(self._fetch, rows)

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
