"""Kills beam_jobs.synthesize at random moments, resumes it, and compares its bytes to an undisturbed run's.

    python -m benchmarks.synthesis.kills --work=build/benchmark --lines=20000 --kills=10

Lines have ten digits in the face inside Pillow, so that any machine can draw them. With --write=images it is
killed while it writes image files and a list. Standard output ends with one JSON object: rounds, how many ended
with the same bytes (all files, descriptions without provenance), lines/s of the undisturbed run, start-up
included, and at which fraction of its time, with how many finished shards, each was killed.
"""

import os
import sys

from absl import flags

from benchmarks.kill_rounds import kill_rounds
from benchmarks.lines import DIGITS, WORKERS
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for a charset (kept) and outputs (deleted).", required=True)
_LINES = flags.DEFINE_integer("lines", 20_000, "Lines.", lower_bound=1)
_WRITE = flags.DEFINE_enum("write", "records", ["records", "images"], "What is written.")
_KILLS = flags.DEFINE_integer("kills", 10, "Rounds.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the moments.")

_SHARDS = {"records": "*.tfrecord", "images": "*.list"}


def main() -> None:
    """Runs undisturbed once, then the rounds."""
    output = os.path.join(_WORK.value, "synthesis-kills")
    shards = _SHARDS[_WRITE.value]
    found = kill_rounds(make_command(output), output, shards=shards, rounds=_KILLS.value, seed=_SEED.value)
    storage.remove(output)
    speed = round(_LINES.value / found.seconds, 1)
    result = {
        "rounds": len(found.rounds),
        "equal": found.equal,
        "lines_per_second": speed,
        "kills": found.rounds,
    }
    command.print_result(result)


def make_command(output: str) -> list[str]:
    """The command, as a user gives it."""
    storage.make_folder(_WORK.value)
    charset = os.path.join(_WORK.value, "digits.txt")
    DIGITS.write(charset)
    given = {
        "charset": charset,
        "text": "charset",
        "fonts": "pillow",
        "lines": _LINES.value,
        "output": output,
        "image_encoding": "uint8",
        "lines_per_shard": 256,
        "write": _WRITE.value,
        "workers": WORKERS,
    }
    words = [f"--{name}={value}" for name, value in given.items()]
    return [sys.executable, "-m", "beam_jobs.synthesize", *words]


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
