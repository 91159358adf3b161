"""Kills beam_jobs.convert at random moments, resumes it, and compares the bytes with an undisturbed run's.

    python -m benchmarks.conversion.kills --work=build/benchmark --rows=100000 --kills=10
    python -m benchmarks.conversion.kills --work=build/benchmark --rows=20000 --kills=5 --in_bucket

Every round begins anew: the command is killed (SIGKILL) at a moment drawn evenly from the time that an
undisturbed run takes, then given again to its end. Standard output ends with one JSON object: rounds, how many
ended with the same bytes (shards, rejects, dataset.json without provenance), and at which fraction of its time,
with how many finished shards, each was killed. With --in_bucket the output is in a bucket of an S3 server that
answers 50 ms late and fails 2 % of the requests, so that kills fall into uploads; the result then has the
requests, and how many failed.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from absl import flags

from benchmarks.kill_rounds import kill_rounds
from benchmarks.lines import Task, draw_lines, make_command, write_task
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui import command
from tests.servers.faulty_proxy import FaultyProxy, serve_faults
from tests.servers.s3 import serve_s3, use_s3

_WORK = flags.DEFINE_string("work", None, "Folder for drawn lines (kept) and outputs (deleted).", required=True)
_ROWS = flags.DEFINE_integer("rows", 100_000, "Rows of the list.", lower_bound=1)
_FILES = flags.DEFINE_integer("files", 5_000, "Different JPEG files that the rows name.", lower_bound=1)
_KILLS = flags.DEFINE_integer("kills", 10, "Rounds.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the moments.")
_IN_BUCKET = flags.DEFINE_bool("in_bucket", False, "Write into a bucket.")

BUCKET = "lines"
LATENCY, FAILING = 0.05, 0.02  # seconds, share of the requests


def main() -> None:
    """Runs undisturbed once, then the rounds."""
    folder = draw_lines(os.path.join(_WORK.value, f"lines-{_FILES.value}"), _FILES.value)
    task = write_task(folder, "kills", rows=_ROWS.value, lines_per_shard=1024, encoding="uint8")
    if not _IN_BUCKET.value:
        command.print_result(_kill(task, os.path.join(_WORK.value, "kills")))
        return
    with _serve_bucket() as proxy:
        result = _kill(task, f"s3://{BUCKET}/kills")
        command.print_result({**result, "requests": proxy.requests.total(), "failed": proxy.failed.total()})


def _kill(task: Task, output: str) -> dict[str, Any]:
    words = make_command(task, output)
    found = kill_rounds(words, output, shards="*.tfrecord", rounds=_KILLS.value, seed=_SEED.value)
    storage.remove(output)
    return {"rounds": len(found.rounds), "equal": found.equal, "kills": found.rounds}


@contextlib.contextmanager
def _serve_bucket() -> Iterator[FaultyProxy]:
    """Within the block, commands find a bucket behind a slow proxy that fails a share of the requests."""
    with (
        serve_s3(BUCKET) as server,
        serve_faults(server, share=FAILING, latency=LATENCY) as (url, proxy),
        use_s3(url),
    ):
        yield proxy


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
