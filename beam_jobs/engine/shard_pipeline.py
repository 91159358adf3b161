"""The Beam pipeline of every job: shard numbers in, written shards and their reports out.

Only shard numbers and counts cross the runner. A shard that exists, is intact and has a report of this job is
kept: that is how a job resumes.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import apache_beam as beam

from densenet_ocr.beam_jobs.engine.reports import find_reports, load_report, save_report
from densenet_ocr.beam_jobs.engine.runner.beam_runner import choose_runner, run_pipeline
from densenet_ocr.beam_jobs.engine.runner.execution import Execution
from densenet_ocr.beam_jobs.engine.shard_job import (
    Report,
    ShardJob,
    ShardWriter,
    count_rows,
    count_unfinished_rows,
)
from densenet_ocr.beam_jobs.engine.split_state import remove_temporary
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.progress import Progress

# Seconds between two looks at what is done. A store lists 1,000 reports per request, half a second for those of
# 100 million lines: looks are so rare that they take at most 1 % of the time.
_LOCAL_SECONDS, _STORE_SECONDS, _POLL_SHARE = 0.5, 5.0, 100

_AT_ONCE = 64  # requests that wait for an answer

_Item = TypeVar("_Item")

# Makes the Beam step of a job for a number of local processes: PCollection of shard numbers -> (shard, lines
# written, rows refused).
MakeStep = Callable[[ShardJob, int], beam.PTransform]


class WriteShard(beam.DoFn):
    """Shard number -> (shard number, lines written, rows refused)."""

    def __init__(self, job: ShardJob) -> None:
        super().__init__()
        self._job = job

    def process(self, shard: int) -> Iterator[tuple[int, int, int]]:
        """Writes one shard and its report, unless both exist."""
        yield write_counted(self._job, shard, "written")


def make_write_step(job: ShardJob, processes: int) -> beam.PTransform:
    """Returns the step that writes shards with the job's own writer; see MakeStep."""
    return beam.ParDo(WriteShard(job))


def run_shards(
    job: ShardJob,
    shards: Sequence[int],
    *,
    make_step: MakeStep = make_write_step,
    verb: str,
    execution: Execution,
) -> None:
    """Writes shards of a job through Beam.

    Args:
      job: The job.
      shards: Numbers of the shards to write.
      make_step: Makes the step that shard numbers go through.
      verb: What the progress display says.
      execution: Where they are written.

    Raises:
      UserError: a worker raised it, or was killed.
    """
    processes = execution.count_processes(len(shards))
    step = make_step(job, processes)
    runner, options = choose_runner(execution.options, workers=processes)
    storage.make_folder(job.state_folder)
    remove_temporary(job.folder, job.split)
    try:
        pipeline = beam.Pipeline(runner=runner, options=options)
        (
            pipeline
            | "Number shards" >> beam.Create(shards)  # int; Create spreads them over the workers
            | "Write shard" >> step  # (shard, lines, refused)
        )
        with _show_progress(job, verb, shards):
            run_pipeline(pipeline)
    finally:
        # Also after success: of a worker that was killed, whose shard the runner gave to another one.
        remove_temporary(job.folder, job.split)


def write_shard(job: ShardJob, shard: int, writer: ShardWriter | None = None) -> Report:
    """Writes one shard and its report, unless both exist, and returns the report.

    Args:
      job: The job.
      shard: Number of the shard.
      writer: Takes the place of the job's writer, for one that was set up in this process.
    """
    existing = find_written_shard(job, shard)
    if existing:
        return existing
    writer = writer or job.writer
    with count_rows(job, shard) as count, storage.atomic_file(job.shard_path(shard)) as file:
        report = writer.write(job.shard_name(shard), job.source.read(shard), file, count)
    save_report(job, shard, report)
    return report


def write_counted(
    job: ShardJob, shard: int, outcome: str, writer: ShardWriter | None = None
) -> tuple[int, int, int]:
    """Writes a shard as `write_shard`, and adds it to Beam's counters: lines by `outcome`, refusals by reason.

    Returns:
      Number of the shard, lines written, rows refused.
    """
    report = write_shard(job, shard, writer)
    beam.metrics.Metrics.counter("lines", outcome).inc(report.shard.records)
    for row in report.refused:
        beam.metrics.Metrics.counter("refused", row.reason).inc()
    return shard, report.shard.records, len(report.refused)


def find_written_shard(job: ShardJob, shard: int) -> Report | None:
    """Returns the report of a shard that is intact and of this job; None for any other."""
    report = load_report(job, shard)
    return report if report and job.writer.is_intact(job.folder, report.shard) else None


def check_shards(job: ShardJob, check: Callable[[_Item], bool], shards: Iterable[_Item]) -> Iterator[bool]:
    """Yields whether a check holds for each shard; asks a store about many at once."""
    is_local = not storage.is_url(job.folder)
    return storage.map_many(check, shards, _AT_ONCE, run_here=lambda _: is_local)


def count_done_rows(job: ShardJob, rows: int, shards: int) -> int:
    """Returns how many of `rows` rows in `shards` shards are done; a finished shard counts as a mean one."""
    finished = set(find_reports(job))
    partly = sum(count for shard, count in count_unfinished_rows(job).items() if shard not in finished)
    return min(rows, rows * min(shards, len(finished)) // shards + partly)


@contextlib.contextmanager
def _show_progress(job: ShardJob, verb: str, numbers: Sequence[int]) -> Iterator[None]:
    """Shows the rows done while the block runs, by reports and counter files, because Beam shows nothing."""
    shards = len({*numbers, *find_reports(job)})
    rows, finished = job.plan.rows * shards // job.plan.shard_count, threading.Event()
    shortest = _STORE_SECONDS if storage.is_url(job.folder) else _LOCAL_SECONDS
    progress = Progress(f"{verb} {job.split}", rows, "rows", done=count_done_rows(job, rows, shards))

    def watch() -> None:
        most = 0  # a shard may have more rows than the mean, which it counts for once it is finished
        seconds = 0.0
        while not finished.wait(max(shortest, _POLL_SHARE * seconds)):
            start = time.monotonic()
            with contextlib.suppress(UserError):  # of a store that does not answer; workers fail by themselves
                most = max(most, count_done_rows(job, rows, shards))
            progress.show(most)
            seconds = time.monotonic() - start

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
        progress.close(count_done_rows(job, rows, shards))
