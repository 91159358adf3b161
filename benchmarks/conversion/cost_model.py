"""What a conversion from and to an object store costs: hours, requests, bytes and the driver's memory.

    python -m benchmarks.conversion.cost_model                      # the table of docs/scaling.md
    python -m benchmarks.conversion.cost_model --check=/tmp/bench   # the model beside measured conversions

The model is arithmetic on measured figures (see Measured) and on the request rate that Amazon states for S3.
--check converts drawn lines whose images come from an S3 server on this machine that answers late. The seconds
of a line and of the start are measured on small lists; the model then predicts larger lists, other latencies
and more workers.
"""

import dataclasses
import json
import math
import os
import shutil
import subprocess
import time
from collections.abc import Iterator

from absl import flags

from benchmarks.lines import draw_lines, make_command, write_task
from densenet_ocr.pipeline.ui import command
from tests.servers.light_s3 import serve_folder
from tests.servers.s3 import use_s3

_CHECK = flags.DEFINE_string("check", None, "Folder for drawn lines (kept) and outputs; compares with runs.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "With --check: times that each conversion is measured.")

# Reads per second of each prefix of a bucket, at least: Amazon S3 User Guide, "Best practices design patterns:
# optimizing Amazon S3 performance".
PREFIX_READS = 5_500

_SMALL, _LARGE, _SHARD = 2_000, 20_000, 2_048  # rows


@dataclasses.dataclass(frozen=True)
class Measured:
    """Figures of one machine; the defaults are those of docs/scaling.md.

    Attributes:
      line_seconds: Seconds of one busy worker for a line whose image comes from a store.
      start_seconds: Seconds of a command apart from its rows.
      plan_seconds: Seconds of the driver for a row of the list.
      plan_bytes: Memory of the driver for a row.
      list_bytes: Bytes of a row of the list.
      image_bytes: Bytes of an image file.
      record_bytes: Bytes of a record of 280x32 pixels as uint8.
      manifest_bytes: Bytes of dataset.json for a shard.
    """

    line_seconds: float = 1 / 2_450
    start_seconds: float = 1.5
    plan_seconds: float = 6.5e-6
    plan_bytes: float = 60
    list_bytes: float = 90
    image_bytes: float = 3_000
    record_bytes: float = 9_075
    manifest_bytes: float = 130


@dataclasses.dataclass(frozen=True)
class Job:
    """A conversion.

    Attributes:
      lines: Rows of the list.
      workers: Processes that write shards.
      latency: Seconds before the store answers a request.
      lines_per_shard: Value of --lines_per_shard.
      at_once: Requests of a worker in flight.
      prefixes: Prefixes of the bucket that the images are spread over.
    """

    lines: int
    workers: int
    latency: float = 0.02
    lines_per_shard: int = 4096
    at_once: int = 64
    prefixes: int = 1

    @property
    def shards(self) -> int:
        """Number of shards."""
        return math.ceil(self.lines / self.lines_per_shard)


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a conversion costs; `limit` names what bounds its rate."""

    lines: int
    workers: int
    hours: float
    planning_hours: float
    limit: str
    reads: int
    writes: int
    read_gb: float
    written_gb: float
    list_gb: float
    driver_gb: float
    manifest_mb: float


def find_rate(job: Job, measured: Measured) -> tuple[float, str]:
    """Returns the lines per second of all workers together, and what bounds them."""
    busy = min(job.workers, job.shards)
    limits = {
        "workers": busy / measured.line_seconds,
        "latency": busy * job.at_once / job.latency,
        "reads of a prefix": float(job.prefixes * PREFIX_READS),
    }
    limit = min(limits, key=lambda name: limits[name])
    return limits[limit], limit


def count_requests(job: Job, seconds: float) -> tuple[int, int]:
    """Returns reads (GET, HEAD) and writes (PUT, LIST), which stores price apart.

    The counts for a line, a shard and a process are those of docs/storage.md.
    """
    looks = seconds / max(5.0, 0.01 * seconds)
    writes = 2 * job.shards + looks * math.ceil(job.shards / 1000)
    return job.lines + 3 * job.shards + 3 * job.workers + 70, round(writes)


def predict_seconds(job: Job, measured: Measured) -> float:
    """Returns the seconds of a command."""
    planning = measured.start_seconds + job.lines * measured.plan_seconds
    return planning + job.lines / find_rate(job, measured)[0]


def predict(job: Job, measured: Measured) -> Cost:
    """Returns the cost of a conversion."""
    seconds = predict_seconds(job, measured)
    reads, writes = count_requests(job, seconds)
    return Cost(
        lines=job.lines,
        workers=job.workers,
        hours=seconds / 3600,
        planning_hours=job.lines * measured.plan_seconds / 3600,
        limit=find_rate(job, measured)[1],
        reads=reads,
        writes=writes,
        read_gb=job.lines * measured.image_bytes / 1e9,
        written_gb=job.lines * measured.record_bytes / 1e9,
        list_gb=job.lines * measured.list_bytes / 1e9,
        driver_gb=job.lines * measured.plan_bytes / 1e9,
        manifest_mb=job.shards * measured.manifest_bytes / 1e6,
    )


def list_jobs() -> Iterator[Job]:
    """Yields the conversions of docs/scaling.md; large ones spread their images over more prefixes."""
    for lines in (3_300_000, 100_000_000, 1_000_000_000):
        for workers in (1, 16, 256):
            for prefixes in (1, 100) if workers > 1 else (1,):
                yield Job(lines, workers, prefixes=prefixes)


def measure(folder: str, job: Job, **changes: object) -> float:
    """Returns the seconds of a conversion of drawn lines; raises RuntimeError if it fails."""
    task = write_task(folder, f"rows{job.lines}", rows=job.lines, lines_per_shard=_SHARD, encoding="uint8")
    output = os.path.join(folder, "converted")
    shutil.rmtree(output, ignore_errors=True)
    words = make_command(task, output, workers=job.workers, **changes)
    start = time.monotonic()
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"beam_jobs.convert ended with {ended.returncode}:\n{ended.stderr}")
    return time.monotonic() - start


def check(folder: str) -> None:
    """Prints, for each round, the seconds of conversions beside those of the model."""
    draw_lines(folder, _LARGE)
    for _ in range(_ROUNDS.value):
        small, middle = (_measure_late(folder, Job(rows, 1)) for rows in (_SMALL, _LARGE // 2))
        line_seconds = (middle - small) / (_LARGE // 2 - _SMALL)
        measured = Measured(line_seconds=line_seconds, start_seconds=small - _SMALL * line_seconds)
        local = measure(folder, Job(_LARGE, 1)) - measure(folder, Job(_SMALL, 1))
        rates = {"store": 1 / line_seconds, "local": (_LARGE - _SMALL) / local}
        print(json.dumps({"lines/s of a worker": rates}), flush=True)
        for job in (Job(_LARGE, 1), Job(_LARGE, 1, 0.1), Job(_LARGE, 2, 0.1), Job(_LARGE, 1, 0.2)):
            found, expected = _measure_late(folder, job), predict_seconds(job, measured)
            facts = {"workers": job.workers, "latency": job.latency, "limit": find_rate(job, measured)[1]}
            print(
                json.dumps(facts | {"seconds": found, "model": expected, "ratio": found / expected}), flush=True
            )


def _measure_late(folder: str, job: Job) -> float:
    with serve_folder(os.path.join(folder, "images"), job.latency) as url, use_s3(url):
        return measure(folder, job, image_root="s3://bucket/images")


def main() -> None:
    """Prints the table, or checks the model."""
    if _CHECK.value:
        check(_CHECK.value)
        return
    for job in list_jobs():
        print(json.dumps({"prefixes": job.prefixes} | dataclasses.asdict(predict(job, Measured()))))


if __name__ == "__main__":
    command.run(main)
