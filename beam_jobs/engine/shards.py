"""The shard writer: one job turns a source of lines and refusals into the shards of a split, on any runner.

Each shard is drawn, encoded and written by one call in one worker (see engine.shard_run). Bytes depend on
the source alone, never on workers, runner or order.
"""

from collections.abc import Callable, Sequence
from typing import BinaryIO

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from densenet_ocr.beam_jobs.engine.job import Job, RefusedRow, ShardJob
from densenet_ocr.beam_jobs.engine.reports import Report, Statistics
from densenet_ocr.beam_jobs.engine.row_counter import count_taken
from densenet_ocr.beam_jobs.engine.shard_run import count_lines, make_shard, run_shards
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.dataset_info import ShardInfo
from densenet_ocr.pipeline.records import RecordWriter


class WriteShard(beam.DoFn):
    """Shard number -> (shard number, rows written, rows refused)."""

    def __init__(self, job: Job, write: Callable[[Job, int], Report]):
        super().__init__()
        self._job, self._write = job, write

    def process(self, shard: int):
        """Writes one shard and its report, unless both are there."""
        report = self._write(self._job, shard)
        count_lines(report, "written")
        yield shard, report.shard.records, len(report.refused)


def write_shard(job: ShardJob, number: int) -> Report:
    """Writes a shard of records and its report, unless both are there; returns the report."""

    def write(file: BinaryIO) -> Report:
        refused, statistics, writer = [], Statistics(), RecordWriter(file)
        for line in count_taken(job, number, job.source.read(number)):
            if isinstance(line, RefusedRow):
                refused.append(line)
            else:
                writer.write(schema.encode(line, job.image_encoding))
                statistics.add(line)
        info = ShardInfo(job.shard_name(number), writer.records, writer.bytes, writer.crc32c)
        return Report(info, refused, statistics.count())

    return make_shard(job, number, write)


def write_shards(
    job: Job,
    numbers: Sequence[int],
    *,
    workers: int,
    options: PipelineOptions,
    verb: str = "convert",
    write: Callable[[Job, int], Report] = write_shard,
) -> None:
    """Writes these shards of the job, with `workers` local processes (0: one a core) or as Beam is told.

    Each is written by a call of `write`; `verb` is what progress says.
    """
    run_shards(job, numbers, beam.ParDo(WriteShard(job, write)), verb=verb, workers=workers, options=options)
