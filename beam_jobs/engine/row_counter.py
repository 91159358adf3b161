"""How many rows of a shard are done while it is made: the size of a file in the job's state, a byte a row.

Only what is shown depends on it, so nothing fails where it cannot be written.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

from densenet_ocr.beam_jobs.engine.job import Job, state_folder
from densenet_ocr.pipeline import storage

# The name is one of a temporary file: what a killed run leaves is swept with those.
_SUFFIX = f".rows{storage.TEMPORARY}count"

_TOGETHER = 64  # lines that one write counts

Line = TypeVar("Line")


class RowCounter:
    """Counts a shard's rows within a block; the file goes at its end."""

    def __init__(self, job: Job, number: int):
        self._path = storage.join(state_folder(job.folder, job.split), f"{number:05d}{_SUFFIX}")
        self._file = None

    def __enter__(self):
        with contextlib.suppress(OSError):
            self._file = open(self._path, "wb", buffering=0)
        return self

    def add(self, rows: int) -> None:
        """Counts rows that are done."""
        if self._file:
            with contextlib.suppress(OSError):
                self._file.write(bytes(rows))

    def __exit__(self, *_):
        if self._file:
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):
                storage.remove(self._path)


def count_taken(job: Job, number: int, lines: Iterable[Line]) -> Iterator[Line]:
    """The lines of a shard, which are counted as they are taken."""
    with RowCounter(job, number) as counter:
        for done, line in enumerate(lines, start=1):
            yield line
            if not done % _TOGETHER:
                counter.add(_TOGETHER)


def count_rows(job: Job) -> dict[int, int]:
    """Rows that are done of the shards that are being made, by their numbers."""
    folder, counts = state_folder(job.folder, job.split), {}
    for name in storage.list_names(folder):
        number = name.removesuffix(_SUFFIX)
        if number != name:
            with contextlib.suppress(OSError):  # made a moment ago
                counts[int(number)] = storage.size(storage.join(folder, name))
    return counts
