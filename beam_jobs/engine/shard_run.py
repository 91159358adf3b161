"""Runs shards through Beam: a step over shard numbers, on any runner.

Only shard numbers and counts cross the runner. A worker leaves a report beside each shard (engine.reports). A
shard that exists, is intact and belongs to the job is kept: that is how a job resumes.
"""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from densenet_ocr.beam_jobs.engine.beam_runner import choose_runner, count_workers
from densenet_ocr.beam_jobs.engine.job import Job, state_folder, sweep_temporary
from densenet_ocr.beam_jobs.engine.reports import Report, find_reports, load_report, save_report
from densenet_ocr.beam_jobs.engine.row_counter import count_rows
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.progress import Progress


def run_shards(
    job: Job,
    numbers: Sequence[int],
    step: beam.PTransform,
    *,
    verb: str,
    workers: int,
    options: PipelineOptions,
) -> None:
    """Puts shard numbers through a step that makes these shards of the job.

    It runs in `workers` local processes (0: one a core), or as Beam is told; `verb` says what it does.
    """
    runner, options = choose_runner(options, workers=count_workers(workers, len(numbers)))
    storage.make_folder(state_folder(job.folder, job.split))
    sweep_temporary(job.folder, job.split)
    try:
        with _progress(job, verb, numbers), beam.Pipeline(runner=runner, options=options) as pipeline:
            (
                pipeline
                | "Number shards" >> beam.Create(numbers)  # int; Create spreads them over the workers
                | "Make shard" >> step  # (shard, lines, refused)
            )
    except (Exception, KeyboardInterrupt) as error:
        sweep_temporary(job.folder, job.split)
        _raise_worker_error(error)
        raise


def make_shard(job: Job, number: int, write: Callable[[BinaryIO], Report]) -> Report:
    """Writes a shard under a temporary name, renames it, leaves its report; returns that or an earlier one."""
    made = find_made_shard(job, number)
    if made:
        return made
    with storage.atomic_file(job.shard_path(number)) as file:
        report = write(file)
    save_report(job, number, report)
    return report


def find_made_shard(job: Job, number: int) -> Report | None:
    """The report of a shard that is there, whole and of this job; None where there is no such shard."""
    report = load_report(job, number)
    return report if report and job.is_intact(report.shard) else None


def count_lines(report: Report, outcome: str) -> None:
    """Adds a shard to Beam's counters: lines by their `outcome`, refusals by their reason."""
    beam.metrics.Metrics.counter("lines", outcome).inc(report.shard.records)
    for row in report.refused:
        beam.metrics.Metrics.counter("refused", row.reason).inc()


def count_done(job: Job, rows: int, shards: int) -> int:
    """How many of so many rows, in so many shards, are done; a shard that is made counts for the mean."""
    made = set(find_reports(job))
    partly = sum(count for number, count in count_rows(job).items() if number not in made)
    return min(rows, rows * min(shards, len(made)) // shards + partly)


def _raise_worker_error(error: BaseException) -> None:
    """Raises what a worker raised for people to see, which runners bring here as the text of a traceback."""
    if re.search("^KeyboardInterrupt", str(error), re.MULTILINE):
        raise KeyboardInterrupt from None
    name = rf"{UserError.__module__}\.{UserError.__name__}"
    found = re.findall(rf"^{name}: (.*?)(?: \[while running|$)", str(error), re.MULTILINE)
    if found:
        raise UserError.of_text(found[-1]) from error


@contextlib.contextmanager
def _progress(job: Job, verb: str, numbers: Sequence[int]) -> Iterator[None]:
    """Shows rows of these shards, by reports and counters, and of those that are there, while the block runs.

    Beam tells nothing meanwhile.
    """
    shards = len({*numbers, *find_reports(job)})
    rows, done = job.source.rows * shards // job.source.shard_count, threading.Event()

    progress = Progress(f"{verb} {job.split}", rows, "rows", done=count_done(job, rows, shards))

    def watch():
        most = 0  # a shard may have counted more rows than the mean, which it counts for once it is made
        while not done.wait(0.5):
            most = max(most, count_done(job, rows, shards))
            progress.show(most)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        progress.close(count_done(job, rows, shards))
