"""Reports of finished shards, and the split's description that is made of them.

A report has all that publishing a split needs, so that a resumed run does not read finished shards again.
"""

import array
import collections
import dataclasses
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
from absl import logging

from densenet_ocr.beam_jobs.engine.shard_job import Checksum, Report, ShardJob
from densenet_ocr.beam_jobs.engine.source import RefusedRow
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import ShardInfo, SplitInfo
from densenet_ocr.pipeline.schema import Record
from densenet_ocr.pipeline.ui.progress import Progress
from densenet_ocr.pipeline.ui.tsv import join_cells, split_cells

_MOST_SHOWN = 80  # characters of a row in a message


class Statistics:
    """Counts label lengths, widths and characters over the lines of a shard.

    Also counts the labels that begin or end with white space of a charset, which an image does not show.
    """

    WHITE_SPACE = "white_space_ends"

    def __init__(self, charset: Charset | None = None) -> None:
        self._lengths: collections.Counter[int] = collections.Counter()
        self._widths: collections.Counter[int] = collections.Counter()
        self._labels: list[int] = []
        characters = charset.characters if charset else ""
        self._white_space = {k for k, character in enumerate(characters) if character.isspace()}
        self._white_key, self._white_count = "", 0

    def add(self, record: Record) -> None:
        """Counts a line."""
        label = record.label
        self._lengths[len(label)] += 1
        self._widths[record.levels.shape[1]] += 1
        self._labels += label
        if self._white_space and not self._white_space.isdisjoint(label[:1] + label[-1:]):
            self._white_key, self._white_count = self._white_key or record.key, self._white_count + 1

    def count(self) -> dict[str, dict[str, int]]:
        """Returns {"label_lengths", "widths", "characters": {value: lines or occurrences}}.

        With labels that have white space at an end also {WHITE_SPACE: {key of the first: their number}}.
        """
        counts = np.bincount(np.asarray(self._labels, np.int64))
        characters = {int(k): int(counts[k]) for k in np.flatnonzero(counts)}
        found = {"label_lengths": self._lengths, "widths": self._widths, "characters": characters}
        white_space = {self.WHITE_SPACE: {self._white_key: self._white_count}} if self._white_count else {}
        return {name: {str(k): n for k, n in counter.items()} for name, counter in found.items()} | white_space


def save_report(job: ShardJob, number: int, report: Report) -> None:
    """Writes the report of a shard into the split's state."""
    content = {"digest": job.digest, **report._asdict(), "shard": dataclasses.asdict(report.shard)}
    # The path of a list need not be UTF-8: surrogates stand for its bytes.
    data = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
    storage.write_atomically(job.report_path(number), data)


def load_report(job: ShardJob, number: int) -> Report | None:
    """Returns this job's report of a shard; None where there is none, or it is damaged or another job's."""
    return next(load_reports(job, [number]))


def load_reports(job: ShardJob, numbers: Iterable[int]) -> Iterator[Report | None]:
    """Yields what `load_report` returns, for many shards: in a store, with many requests at once."""
    for data in storage.read_many(map(job.report_path, numbers)):
        if isinstance(data, bytes):
            yield _parse_report(job, data)
        elif isinstance(data, FileNotFoundError):
            yield None
        else:
            raise data


def _parse_report(job: ShardJob, data: bytes) -> Report | None:
    try:
        content = json.loads(data)
        refused = [RefusedRow(*row) for row in content["refused"]]
        report = Report(ShardInfo(**content["shard"]), refused, content["statistics"])
        return report if content["digest"] == job.digest else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def find_reports(job: ShardJob) -> list[int]:
    """Returns the numbers of the shards that have a report."""
    names = [name.removesuffix(".json") for name in storage.list_names(job.state_folder)]
    return [int(name) for name in names if name.isdigit()]


def merge_reports(job: ShardJob, *, sources: dict[str, Any]) -> SplitInfo:
    """Writes the rejects file, in the input's order, and returns the description of the split.

    Args:
      job: A job whose shards are all written.
      sources: What the split was made of, for its description.
    """
    shards: list[ShardInfo] = []
    reasons: collections.Counter[str] = collections.Counter()
    total: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    folder = None if storage.is_url(job.state_folder) else job.state_folder
    # Without a name, so that a killed run leaves nothing; beside the shards, where there is space.
    with tempfile.TemporaryFile(dir=folder) as spool:
        rejects = _Rejects(spool)
        progress = Progress("collect reports", job.plan.shard_count, "shards")
        for number, report in enumerate(load_reports(job, range(job.plan.shard_count))):
            if not report:
                raise ValueError(f"shard {number} was written without a report")
            shards.append(report.shard)
            rejects.add(report.refused)
            reasons.update(row.reason for row in report.refused)
            for name, counts in report.statistics.items():
                total[name].update(counts)
            progress.show(number + 1)
        rejects_crc32c = rejects.save(job.rejects_path)
    if found := total.pop(Statistics.WHITE_SPACE, None):
        logging.warning(
            "%s labels begin or end with white space, such as that of %r; it is kept, though no image shows it",
            f"{found.total():,}",
            next(iter(found)),
        )
    read = sum(shard.records for shard in shards) + reasons.total()
    if read != job.plan.rows:
        raise ValueError(f"the shards have {read} rows, the plan has {job.plan.rows}")
    return SplitInfo(
        shards=tuple(shards),
        read=read,
        refused=dict(sorted(reasons.items())),
        statistics={name: _sort_by_value(counts) for name, counts in total.items()},
        sources=sources,
        rejects_crc32c=rejects_crc32c,
    )


def show_first_refusal(job: ShardJob) -> str:
    """Formats the first row of the rejects file for a message."""
    with storage.open_file(job.rejects_path) as file:
        first = file.readline().decode("utf-8", "backslashreplace").rstrip("\n")
    where, row, reason, detail = split_cells(first)
    return f"{where}, {row[:_MOST_SHOWN]!r}, {reason}: {detail}"


class _Rejects:
    """Sorts refused rows by position: their texts in a file, 24 bytes per row in memory."""

    def __init__(self, spool: BinaryIO) -> None:
        self._spool = spool
        self._places = array.array("q")  # position, start, length, position, ...

    def add(self, rows: Iterable[RefusedRow]) -> None:
        """Adds rows. Columns are file:line, row, reason, detail; without a header, lines are rows."""
        for row in rows:
            text = join_cells(row[1:]) + "\n"
            # The path of a list need not be UTF-8; its bytes are written as they were read.
            data = text.encode("utf-8", "surrogateescape")
            self._places.extend((row.position, self._spool.tell(), len(data)))
            self._spool.write(data)

    def save(self, path: str) -> str:
        """Writes the rejects file in the input's order; returns its CRC-32C, eight hexadecimal digits."""
        places = np.frombuffer(self._places, np.int64).reshape(-1, 3)
        order = np.argsort(places[:, 0], kind="stable")
        progress = Progress("sort refused rows", len(places), "rows")
        self._spool.flush()
        checksum = Checksum()
        with storage.atomic_file(path) as file:
            for first in range(0, len(order), 4096):
                for _, start, length in places[order[first : first + 4096]].tolist():
                    data = os.pread(self._spool.fileno(), length, start)
                    file.write(data)
                    checksum.add(data)
                progress.show(first)
        return checksum.crc32c


def _sort_by_value(counts: dict[str, int]) -> dict[str, int]:
    return {str(value): counts[str(value)] for value in sorted(map(int, counts))}
