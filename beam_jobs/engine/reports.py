"""What a worker leaves of a shard beside it, and the description of a split that is made of all of them.

A report has all that closing a split takes, so that going on with a job reads no shard's lines again.
"""

import array
import collections
import dataclasses
import json
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from densenet_ocr.beam_jobs.engine.job import Job, RefusedRow, state_folder
from densenet_ocr.pipeline import records, storage
from densenet_ocr.pipeline.dataset_info import ShardInfo, SplitInfo
from densenet_ocr.pipeline.schema import Record
from densenet_ocr.pipeline.ui.progress import Progress
from densenet_ocr.pipeline.ui.tsv import join_cells


class Report(NamedTuple):
    """One shard: its file, the rows that it refused, and counts over its lines."""

    shard: ShardInfo
    refused: list[RefusedRow]
    statistics: dict[str, dict[str, int]]


class Statistics:
    """Counts of label lengths, widths and classes over a shard's lines."""

    def __init__(self):
        self._lengths, self._widths, self._labels = collections.Counter(), collections.Counter(), []

    def add(self, record: Record) -> None:
        """Counts a line."""
        self._lengths[len(record.label)] += 1
        self._widths[record.levels.shape[1]] += 1
        self._labels += record.label

    def count(self) -> dict[str, dict[str, int]]:
        """{"label_lengths", "widths", "characters": {value: lines or occurrences}}."""
        counts = np.bincount(np.asarray(self._labels, np.int64))
        characters = {int(k): int(counts[k]) for k in np.flatnonzero(counts)}
        found = {"label_lengths": self._lengths, "widths": self._widths, "characters": characters}
        return {name: {str(k): n for k, n in counter.items()} for name, counter in found.items()}


def save_report(job: Job, number: int, report: Report) -> None:
    """Leaves a shard's report in the job's state."""
    content = {"digest": job.digest, **report._asdict(), "shard": dataclasses.asdict(report.shard)}
    # A list's own name need not be UTF-8: surrogates stand for its bytes.
    data = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
    storage.write_atomically(job.report_path(number), data)


def load_report(job: Job, number: int) -> Report | None:
    """The report that this job left of a shard; None where there is none, or one that cannot be relied on."""
    if not storage.exists(job.report_path(number)):
        return None
    try:
        content = json.loads(storage.read_bytes(job.report_path(number)))
        refused = [RefusedRow(*row) for row in content["refused"]]
        report = Report(ShardInfo(**content["shard"]), refused, content["statistics"])
        return report if content["digest"] == job.digest else None
    except (ValueError, KeyError, TypeError):
        return None


def find_reports(job: Job) -> list[int]:
    """Numbers of the shards that the job has finished, by what lies there."""
    names = [name.removesuffix(".json") for name in storage.list_names(state_folder(job.folder, job.split))]
    return [int(name) for name in names if name.isdigit()]


def collect(job: Job, *, sources: dict[str, Any]) -> SplitInfo:
    """Makes a split's description of its shards' reports, and its rejects file in the input's order."""
    shards, reasons = [], collections.Counter()
    total = collections.defaultdict(collections.Counter)
    with _Rejects(job) as rejects:
        progress = Progress("collect reports", job.source.shard_count, "shards")
        for number in range(job.source.shard_count):
            report = load_report(job, number)
            shards.append(report.shard)
            rejects.add(report.refused)
            reasons.update(row.reason for row in report.refused)
            for name, counts in report.statistics.items():
                total[name].update(counts)
            progress.show(number + 1)
        rejects.save()
    read = sum(shard.records for shard in shards) + reasons.total()
    if read != job.source.rows:
        raise ValueError(f"the shards tell of {read} rows, the source has {job.source.rows}")
    return SplitInfo(
        shards=tuple(shards),
        read=read,
        refused=dict(sorted(reasons.items())),
        statistics={name: _in_order(counts) for name, counts in total.items()},
        sources=sources,
        rejects_crc32c=records.hash_file(job.rejects_path),
    )


class _Rejects:
    """Sorts refusals by their place in the input: the texts in a file, of each row 24 bytes in memory."""

    def __init__(self, job: Job):
        self._path = job.rejects_path
        self._spool_path = storage.join(state_folder(job.folder, job.split), "rejects.spool")
        self._places = array.array("q")  # position, start, length, position, ...
        self._end = 0

    def __enter__(self):
        self._spool = open(self._spool_path, "w+b")
        return self

    def __exit__(self, *_):
        self._spool.close()
        storage.remove(self._spool_path)

    def add(self, rows: Iterable[RefusedRow]) -> None:
        """Columns: file:line, row, reason, detail; no header, so that lines are refusals."""
        for row in rows:
            text = join_cells(row[1:]) + "\n"
            # A list's own name need not be UTF-8; its bytes go out as they came in.
            data = text.encode("utf-8", "surrogateescape")
            self._spool.write(data)
            self._places.extend((row.position, self._end, len(data)))
            self._end += len(data)

    def save(self) -> None:
        """Writes the rejects file in the input's order."""
        places = np.frombuffer(self._places, np.int64).reshape(-1, 3)
        order, progress = (
            np.argsort(places[:, 0], kind="stable"),
            Progress("sort refusals", len(places), "rows"),
        )
        self._spool.flush()
        with storage.atomic_file(self._path) as file:
            for first in range(0, len(order), 4096):
                for _, start, length in places[order[first : first + 4096]].tolist():
                    file.write(os.pread(self._spool.fileno(), length, start))
                progress.show(first)


def _in_order(counts: dict[str, int]) -> dict[str, int]:
    return {str(value): counts[str(value)] for value in sorted(map(int, counts))}
