"""Verification: every record of a data set is read and compared with the description."""

import collections
import dataclasses
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from densenet_ocr.beam_jobs.engine.reports import Statistics
from densenet_ocr.beam_jobs.engine.runner.worker import map_in_processes
from densenet_ocr.pipeline import schema, storage
from densenet_ocr.pipeline.dataset_info import FILE_NAME, DatasetInfo, ShardInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry, required_frames
from densenet_ocr.pipeline.schema import Record
from densenet_ocr.pipeline.tfrecord import records
from densenet_ocr.pipeline.ui.progress import Progress

# Values that are named where statistics differ; the others are counted.
FEW = 5

# Raised for bytes that are not a record: broken framing, or a missing field.
_NO_RECORD = (ValueError, LookupError)


@dataclasses.dataclass(frozen=True)
class ShardTask:
    """A shard to check: its file and its description, and what all lines of the data set have in common."""

    path: str
    split: str
    shard: ShardInfo
    geometry: Geometry
    image_encoding: str
    characters: int


class CheckedShard(NamedTuple):
    """The problems of a shard, and the statistics of its correct lines."""

    problems: list[str]
    statistics: dict[str, dict[str, int]]


def verify(*, folder: str, info: DatasetInfo, splits: list[str], workers: int = 0) -> None:
    """Reads every record of some splits and compares them with the description.

    Each difference is a line on standard error, with its file and the number of its record, from 1.

    Args:
      folder: Folder of the data set.
      info: Its description.
      splits: Names of the splits.
      workers: Processes, 0 for one per core.

    Raises:
      UserError: there is a difference.
    """
    common = (info.geometry, info.image_encoding, info.charset.blank)
    tasks = [
        ShardTask(storage.join(folder, shard.name), name, shard, *common)
        for name in splits
        for shard in info.splits[name].shards
    ]
    findings = _Findings(len(tasks))
    progress = Progress("verify", sum(task.shard.records for task in tasks), "lines")
    for task, checked in zip(tasks, _check_all(tasks, workers), strict=True):
        findings.add(task, checked)
        progress.show(findings.lines, findings.summarise)
    progress.close(findings.lines, findings.summarise())
    for name in splits:
        findings.compare_statistics(name, info.splits[name].statistics, storage.join(folder, FILE_NAME))
        findings.compare_rejects(storage.join(folder, f"{name}.rejects.tsv"), info.splits[name].rejects_crc32c)
    findings.report(folder)


def check_shard(task: ShardTask) -> CheckedShard:
    """Compares a shard with its description, and each record with the data set's; never raises."""
    statistics = Statistics()
    try:
        problems = [*_check_file(task), *_check_records(task, statistics)]
    except FileNotFoundError:
        problems = ["no such file"]
    except OSError as error:
        problems = [f"cannot be read: {error.strerror or error}"]
    except UserError as error:  # of what this machine lacks; it does not travel between processes
        problems = [str(error)]
    return CheckedShard([f"{task.path}: {problem}" for problem in problems], statistics.count())


def _check_all(tasks: list[ShardTask], workers: int) -> Iterator[CheckedShard]:
    """Yields the results of the tasks in order."""
    workers = min(workers or os.cpu_count() or 1, len(tasks))
    if workers <= 1:
        yield from map(check_shard, tasks)
    else:
        yield from map_in_processes(check_shard, tasks, workers)


def _check_file(task: ShardTask) -> Iterator[str]:
    size = storage.size(task.path)
    if size != task.shard.bytes:
        yield f"has {size:,} bytes, {FILE_NAME} says {task.shard.bytes:,}"
    crc32c = records.hash_file(task.path)
    if crc32c != task.shard.crc32c:
        yield f"has the CRC-32C {crc32c}, {FILE_NAME} says {task.shard.crc32c}"


def _check_records(task: ShardTask, statistics: Statistics) -> Iterator[str]:
    """Yields the problems of the records in order; counts the correct lines."""
    count, shard = 0, records.read_records(task.path)
    while True:
        try:
            data = next(shard, None)
        except ValueError as error:
            # The start of the next record is unknown.
            yield f"record {count + 1}: {error}; what follows it is not checked"
            return
        if data is None:
            break
        count += 1
        for problem in _check_record(data, task, statistics):
            yield f"record {count}{problem}"
    if count != task.shard.records:
        yield f"has {count:,} records, {FILE_NAME} says {task.shard.records:,}"


def _check_record(data: bytes, task: ShardTask, statistics: Statistics) -> list[str]:
    try:
        record = schema.decode(data, task.image_encoding)
    except _NO_RECORD as error:
        return [f": is no line stored as {task.image_encoding} ({type(error).__name__}: {error})"]
    problems = [f" ({record.key}): {problem}" for problem in _check_line(record, task)]
    if not problems:
        statistics.add(record)
    return problems


def _check_line(record: Record, task: ShardTask) -> Iterator[str]:
    height, width = record.levels.shape
    if height != task.geometry.height or task.geometry.width not in (0, width):
        yield f"is {width}x{height} pixels, the data set's are {task.geometry}"
    if not record.label:
        yield "has no label"
    elif max(record.label) >= task.characters:
        yield f"class {max(record.label)} is no character, those are 0 to {task.characters - 1}"
    elif (needed := required_frames(record.label)) > (frames := task.geometry.count_frames(width)):
        yield f"its label needs {needed} frames, its image has {frames}"


class _Findings:
    """The problems of all shards."""

    def __init__(self, shards: int) -> None:
        self.lines = 0
        self._shards, self._wrong_statistics = shards, False
        self._problems: list[str] = []
        self._damaged: collections.Counter[str] = collections.Counter()  # shards by split
        self._statistics: dict[str, dict[str, collections.Counter[str]]] = collections.defaultdict(
            lambda: collections.defaultdict(collections.Counter)
        )

    def add(self, task: ShardTask, checked: CheckedShard) -> None:
        """Adds a shard."""
        self.lines += task.shard.records
        self._problems += checked.problems
        self._damaged[task.split] += bool(checked.problems)
        for name, counts in checked.statistics.items():
            self._statistics[task.split][name].update(counts)

    def compare_statistics(self, split: str, described: dict[str, dict[str, int]], path: str) -> None:
        """Compares a split's statistics, unless shards are damaged: then they differ in any case."""
        if self._damaged[split]:
            return
        for name in sorted({*described, *self._statistics[split]}):
            if difference := _format_difference(self._statistics[split][name], described.get(name, {})):
                self._wrong_statistics = True
                self._problems.append(f"{path}: split {split}: {name}: {difference}")

    def compare_rejects(self, path: str, crc32c: str) -> None:
        """Compares a split's rejects file with its checksum, where the description has it."""
        if not crc32c:
            return
        try:
            found = records.hash_file(path)
        except FileNotFoundError:
            self._problems.append(f"{path}: no such file")
        except OSError as error:
            self._problems.append(f"{path}: cannot be read: {error.strerror or error}")
        else:
            if found != crc32c:
                self._problems.append(f"{path}: has the CRC-32C {found}, {FILE_NAME} says {crc32c}")

    def summarise(self) -> str:
        """Formats the number of problems so far."""
        count = len(self._problems)
        return f"{count:,} problem{'s' * (count != 1)}" if count else ""

    def report(self, folder: str) -> None:
        """Prints the problems; raises UserError if there are any."""
        print(*self._problems, sep="\n", end="\n" * bool(self._problems), file=sys.stderr)
        if not self._problems:
            return
        damaged = self._damaged.total()
        places = [f"{damaged:,} of {self._shards:,} shards"] if damaged else []
        places += [FILE_NAME] if self._wrong_statistics else []
        places = places or ["rejects"]
        raise UserError(
            f"data set {folder}",
            received=f"{self.summarise()} in {' and '.join(places)}",
            expected=f"the content that {FILE_NAME} describes",
            remedy="Run the command that made it again: it writes shards with a wrong checksum again. "
            "Wrong content with a right checksum needs --overwrite.",
        )


def _format_difference(found: dict[str, int], described: dict[str, Any]) -> str:
    """Formats the first values whose counts differ; empty where none do."""
    values = sorted({**described, **found}, key=int)
    wrong = [value for value in values if described.get(value, 0) != found.get(value, 0)]
    first = ", ".join(
        f"{described.get(value, 0)} of {value} for {found.get(value, 0)}" for value in wrong[:FEW]
    )
    return first + (f" and {len(wrong) - FEW} more" if len(wrong) > FEW else "")
