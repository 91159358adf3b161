"""The shard writer: one job turns a source of lines and refusals into the shards of a split, on any runner.

Each shard is drawn, encoded and written by one call in one worker, so that only shard numbers and counts cross
the runner. Beside the shard the worker leaves a report (records, checksum, refusals, statistics); when all are
there, `collect` makes the split's description and its rejects file of them. Bytes depend on the source alone,
never on workers, runner or order.
"""

import collections
import contextlib
import dataclasses
import json
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.runners import choose_runner, count_workers
from pipeline import schema, storage
from pipeline.dataset_info import FILE_NAME, ShardInfo, SplitInfo
from pipeline.progress import Progress
from pipeline.records import RecordWriter


class RefusedRow(NamedTuple):
    """A row that gives no record: its place in the input's order, file:line, the row itself, the reason."""

    position: int
    where: str
    row: str
    reason: str
    detail: str


class Source(Protocol):
    """Where lines come from; pickled to the workers, so it holds paths, not open files."""

    @property
    def shard_count(self) -> int:
        """Shards that the source fills, known before anything is read."""

    def read(self, shard: int) -> Iterator[schema.Record | RefusedRow]:
        """The shard's records in their order, and its refusals; the same at every call."""


@dataclasses.dataclass(frozen=True)
class ShardJob:
    """What a worker needs: where the split lies, how images are stored, and the source of lines."""

    folder: str
    split: str
    image_encoding: str
    source: Source

    def shard_name(self, shard: int) -> str:
        """File name of a shard, which tells its number and how many there are."""
        return f"{self.split}-{shard:05d}-of-{self.source.shard_count:05d}.tfrecord"

    @property
    def reports(self) -> str:
        """Folder of the shards' reports; gone when the split is whole."""
        return storage.join(self.folder, f"{self.split}.reports")

    def report_path(self, shard: int) -> str:
        """The report of one shard."""
        return storage.join(self.reports, f"{shard:05d}.json")


class WriteShard(beam.DoFn):
    """Shard number -> (shard number, rows written, rows refused)."""

    def __init__(self, job: ShardJob):
        super().__init__()
        self._job = job

    def process(self, shard: int):
        """Writes one shard and its report."""
        report = write_shard(self._job, shard)
        written, refused = report["shard"]["records"], report["refused"]
        beam.metrics.Metrics.counter("lines", "written").inc(written)
        for row in refused:
            beam.metrics.Metrics.counter("refused", row[3]).inc()
        yield shard, written, len(refused)


def sweep(folder: str, split: str) -> None:
    """Removes what an earlier run left of a split: shards, reports, rejects, temporary files."""
    made = rf"{split}(-\d{{5,}}-of-\d{{5,}}\.tfrecord|\.rejects\.tsv|\.reports|\.plan\.npy)"
    leftover = re.compile(rf"{made}(\.tmp-\w+)?|{re.escape(FILE_NAME)}\.tmp-\w+")
    for name in storage.list_names(folder):
        if leftover.fullmatch(name):
            storage.remove(storage.join(folder, name))


def write_shards(job: ShardJob, *, workers: int, options: PipelineOptions) -> None:
    """Writes every shard of the job, with `workers` local processes (0: one a core) or as Beam is told."""
    count = job.source.shard_count
    runner, options = choose_runner(options, workers=count_workers(workers, count))
    storage.make_folder(job.reports)
    with _progress(job), beam.Pipeline(runner=runner, options=options) as pipeline:
        (
            pipeline
            | "Number shards" >> beam.Create(range(count))  # int; Create spreads them over the workers
            | "Write shard" >> beam.ParDo(WriteShard(job))  # (shard, written, refused)
        )


def write_shard(job: ShardJob, shard: int) -> dict[str, Any]:
    """Writes one shard under a temporary name, renames it, then leaves its report and returns it."""
    refused, statistics = [], _Statistics()
    path = storage.join(job.folder, job.shard_name(shard))
    with storage.atomic_file(path) as file:
        writer = RecordWriter(file)
        for line in job.source.read(shard):
            if isinstance(line, RefusedRow):
                refused.append(line)
            else:
                writer.write(schema.encode(line, job.image_encoding))
                statistics.add(line)
    info = ShardInfo(job.shard_name(shard), writer.records, writer.bytes, writer.crc32c)
    report = {
        "shard": dataclasses.asdict(info),
        "refused": refused,
        "statistics": statistics.to_json(),
    }
    data = json.dumps(report, ensure_ascii=False).encode("utf-8", "surrogatepass")
    storage.write_atomically(job.report_path(shard), data)
    return report


def collect(job: ShardJob, *, sources: dict[str, Any]) -> SplitInfo:
    """Makes the description of a split of its shards' reports and writes its rejects file, in input order."""
    shards, refused, total = [], [], collections.defaultdict(collections.Counter)
    for shard in range(job.source.shard_count):
        report = json.loads(storage.read_bytes(job.report_path(shard)))
        shards.append(ShardInfo(**report["shard"]))
        refused += [RefusedRow(*row) for row in report["refused"]]
        for name, counts in report["statistics"].items():
            total[name].update(counts)
    _write_rejects(job, refused)
    reasons = collections.Counter(row.reason for row in refused)
    return SplitInfo(
        shards=tuple(shards),
        read=sum(shard.records for shard in shards) + len(refused),
        refused=dict(sorted(reasons.items())),
        statistics={name: _in_order(counts) for name, counts in total.items()},
        sources=sources,
    )


def rejects_path(job: ShardJob) -> str:
    """The split's file of refusals."""
    return storage.join(job.folder, f"{job.split}.rejects.tsv")


def _write_rejects(job: ShardJob, refused: Iterable[RefusedRow]) -> None:
    """Columns: file:line, row, reason, detail; no header, so that lines are refusals."""
    rows = sorted(refused)
    text = "".join("\t".join(map(_one_cell, row[1:])) + "\n" for row in rows)
    # A list's own name need not be UTF-8; its bytes go out as they came in.
    storage.write_atomically(rejects_path(job), text.encode("utf-8", "surrogateescape"))


def _one_cell(text: str) -> str:
    """Text as one cell: its own tabs and line ends escaped, so that a row stays a row."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\r", "\\r").replace("\n", "\\n")


def _in_order(counts: dict[str, int]) -> dict[str, int]:
    return {str(value): counts[str(value)] for value in sorted(map(int, counts))}


@contextlib.contextmanager
def _progress(job: ShardJob) -> Iterator[None]:
    """Shows finished shards, by their reports, while the block runs: Beam tells nothing before it is done."""
    progress, done = (
        Progress(f"convert {job.split}", job.source.shard_count, "shards"),
        threading.Event(),
    )

    def watch():
        while not done.wait(0.5):
            progress.show(_count_reports(job))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        progress.close(_count_reports(job))


def _count_reports(job: ShardJob) -> int:
    return sum(name.endswith(".json") for name in storage.list_names(job.reports))


class _Statistics:
    """Counts of label lengths, widths and classes over a shard's lines."""

    def __init__(self):
        self._lengths, self._widths, self._labels = collections.Counter(), collections.Counter(), []

    def add(self, record: schema.Record) -> None:
        self._lengths[len(record.label)] += 1
        self._widths[record.levels.shape[1]] += 1
        self._labels += record.label

    def to_json(self) -> dict[str, dict[int, int]]:
        counts = np.bincount(np.asarray(self._labels, np.int64))
        characters = {int(k): int(counts[k]) for k in np.flatnonzero(counts)}
        return {"label_lengths": self._lengths, "widths": self._widths, "characters": characters}
