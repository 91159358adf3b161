"""Space on the disk that a job needs, against what is free."""

from absl import logging

from densenet_ocr.beam_jobs.engine.shard_job import ShardJob
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError


def check_free_space(job: ShardJob, done: int) -> None:
    """Logs what a job will write, and checks that it fits.

    Args:
      job: The job.
      done: Number of its shards that exist.

    Raises:
      UserError: the other shards need more than the output folder has free.
    """
    shards, stored_as = job.plan.shard_count, job.writer.stored_as
    rows = job.plan.rows * (shards - done) // shards
    needed, free = round(rows * job.writer.estimate_line_bytes(job.source)), storage.free_bytes(job.folder)
    needed_size = storage.describe_size(needed)
    free_size = "unlimited bytes" if free is None else storage.describe_size(free)
    logging.info("%s rows into %d shards, about %s; %s are free", f"{rows:,}", shards, needed_size, free_size)
    if free is not None and needed > free:
        saves = "; --image_encoding=uint8 takes a quarter of it" if stored_as == "float32" else ""
        raise UserError(
            f"output {job.folder}",
            received=f"{free_size} of free space",
            expected=f"about {needed_size} for {rows:,} rows as {stored_as}",
            remedy=f"Free space or choose another --output{saves}.",
        )
