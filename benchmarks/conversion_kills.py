"""Kills beam_jobs.convert at random moments, resumes it, and compares the bytes with an undisturbed run's.

    python -m benchmarks.conversion_kills --work=build/benchmark --rows=100000 --kills=10

Every round begins anew: the command is killed (SIGKILL) at a moment drawn evenly from the time that an
undisturbed run takes, then given again to its end. Standard output ends with one JSON object: rounds, how many
ended with the same bytes (shards, rejects, dataset.json without provenance), and at which fraction of its time,
with how many finished shards, each was killed.
"""

import os

from absl import flags

from benchmarks.kill_rounds import kill_rounds
from benchmarks.lines import draw_lines, make_command, write_task
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for drawn lines (kept) and outputs (deleted).", required=True)
_ROWS = flags.DEFINE_integer("rows", 100_000, "Rows of the list.", lower_bound=1)
_FILES = flags.DEFINE_integer("files", 5_000, "Different JPEG files that the rows name.", lower_bound=1)
_KILLS = flags.DEFINE_integer("kills", 10, "Rounds.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the moments.")


def main() -> None:
    """Runs undisturbed once, then the rounds."""
    folder = draw_lines(os.path.join(_WORK.value, f"lines-{_FILES.value}"), _FILES.value)
    task = write_task(folder, "kills", rows=_ROWS.value, lines_per_shard=1024, encoding="uint8")
    output = os.path.join(_WORK.value, "kills")
    words = make_command(task, output)
    found = kill_rounds(words, output, shards="*.tfrecord", rounds=_KILLS.value, seed=_SEED.value)
    storage.remove(output)
    command.print_result({"rounds": len(found.rounds), "equal": found.equal, "kills": found.rounds})


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
