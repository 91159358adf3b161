"""The shard writer: one job turns a source of lines and refusals into the shards of a split, on any runner.

Each shard is drawn, encoded and written by one call in one worker, so that only shard numbers and counts cross
the runner. Beside the shard the worker leaves a report (see beam_jobs.reports). A shard that is there already,
whole and of this job, is left as it is: that is how a conversion goes on. Bytes depend on the source alone,
never on workers, runner or order.
"""

import contextlib
import re
import threading
from collections.abc import Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.job import RefusedRow, ShardJob, state_folder, sweep_temporary
from beam_jobs.reports import Report, Statistics, count_reports, is_intact, load_report, save_report
from beam_jobs.runners import choose_runner, count_workers
from pipeline import schema, storage
from pipeline.dataset_info import ShardInfo
from pipeline.errors import UserError
from pipeline.progress import Progress
from pipeline.records import RecordWriter


class WriteShard(beam.DoFn):
    """Shard number -> (shard number, rows written, rows refused)."""

    def __init__(self, job: ShardJob):
        super().__init__()
        self._job = job

    def process(self, shard: int):
        """Writes one shard and its report, unless both are there."""
        report = write_shard(self._job, shard)
        beam.metrics.Metrics.counter("lines", "written").inc(report.shard.records)
        for row in report.refused:
            beam.metrics.Metrics.counter("refused", row.reason).inc()
        yield shard, report.shard.records, len(report.refused)


def write_shards(job: ShardJob, numbers: Sequence[int], *, workers: int, options: PipelineOptions) -> None:
    """Writes these shards of the job, with `workers` local processes (0: one a core) or as Beam is told."""
    runner, options = choose_runner(options, workers=count_workers(workers, len(numbers)))
    storage.make_folder(state_folder(job.folder, job.split))
    sweep_temporary(job.folder, job.split)
    try:
        with _progress(job, len(numbers)), beam.Pipeline(runner=runner, options=options) as pipeline:
            (
                pipeline
                | "Number shards" >> beam.Create(numbers)  # int; Create spreads them over the workers
                | "Write shard" >> beam.ParDo(WriteShard(job))  # (shard, written, refused)
            )
    except (Exception, KeyboardInterrupt) as error:
        sweep_temporary(job.folder, job.split)
        _raise_worker_error(error)
        raise


def write_shard(job: ShardJob, number: int) -> Report:
    """Writes a shard under a temporary name, renames it, leaves its report; returns that or an earlier one."""
    report = load_report(job, number)
    if report and is_intact(job.folder, report.shard):
        return report
    refused, statistics = [], Statistics()
    with storage.atomic_file(job.shard_path(number)) as file:
        writer = RecordWriter(file)
        for line in job.source.read(number):
            if isinstance(line, RefusedRow):
                refused.append(line)
            else:
                writer.write(schema.encode(line, job.image_encoding))
                statistics.add(line)
    info = ShardInfo(job.shard_name(number), writer.records, writer.bytes, writer.crc32c)
    report = Report(info, refused, statistics.count())
    save_report(job, number, report)
    return report


def _raise_worker_error(error: BaseException) -> None:
    """Raises what a worker raised for people to see, which runners bring here as the text of a traceback."""
    if re.search("^KeyboardInterrupt", str(error), re.MULTILINE):
        raise KeyboardInterrupt from None
    name = rf"{UserError.__module__}\.{UserError.__name__}"
    found = re.findall(rf"^{name}: (.*?)(?: \[while running|$)", str(error), re.MULTILINE)
    if found:
        raise UserError.of_text(found[-1]) from error


@contextlib.contextmanager
def _progress(job: ShardJob, count: int) -> Iterator[None]:
    """Shows rows of `count` shards, by their reports, while the block runs: Beam tells nothing meanwhile."""
    rows, done = job.source.rows * count // job.source.shard_count, threading.Event()

    def count_rows() -> int:
        return rows * min(count, count_reports(job)) // count

    progress = Progress(f"convert {job.split}", rows, "rows", done=count_rows())

    def watch():
        while not done.wait(0.5):
            progress.show(count_rows())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        progress.close(count_rows())
