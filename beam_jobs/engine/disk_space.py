"""Checks that a split fits on the disk before anything is replaced."""

from typing import Protocol

from absl import logging

from densenet_ocr.beam_jobs.engine.shard_job import ShardJob, ShardWriter
from densenet_ocr.beam_jobs.engine.source import Source
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError


class SizedWriter(ShardWriter, Protocol):
    """A shard writer that can say how much space its lines take."""

    @property
    def stored_as(self) -> str:
        """How lines are stored, for messages."""

    def estimate_line_bytes(self, source: Source) -> float:
        """Returns the mean size of a line on disk, in bytes."""


def check_disk_space(job: ShardJob, writer: SizedWriter, done: int) -> None:
    """Raises UserError where the shards that are still to be written do not fit on the disk.

    Args:
      job: The split to write.
      writer: The job's writer.
      done: Shards that an interrupted run has finished.
    """
    shards = job.source.shard_count
    rows = job.source.rows * (shards - done) // shards
    needed, free = round(rows * writer.estimate_line_bytes(job.source)), storage.free_bytes(job.folder)
    needed_size, free_size = storage.describe_size(needed), storage.describe_size(free)
    logging.info("%s rows need about %s on disk; %s are free", f"{rows:,}", needed_size, free_size)
    if needed > free:
        saves = "; --image_encoding=uint8 takes a quarter of it" if writer.stored_as == "float32" else ""
        raise UserError(
            f"output {job.folder}",
            received=f"{free_size} of free space",
            expected=f"about {needed_size} for {rows:,} rows as {writer.stored_as}",
            remedy=f"Free space or choose another --output{saves}.",
        )
