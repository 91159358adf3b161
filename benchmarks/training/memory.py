"""Watches the memory of a training over its steps.

    python -m benchmarks.training.memory --work=build/benchmark --steps=2000

Draws and converts lines of digits (88x32), trains on them with validation and checkpoints, and reads what the
process has allocated (anonymous memory) from /proc every half second. Standard output ends with one JSON
object: the peak in MB of each fifth of the steps, and how much higher the last fifth's is than the second
one's; the first one holds what is loaded and traced.
"""

import os
import subprocess
import sys
import time

from absl import flags

from benchmarks.memory import read_own
from benchmarks.training.small_training import BATCH, LINES, find_step, make_data
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for lines (kept) and the run.", required=True)
_STEPS = flags.DEFINE_integer("steps", 2000, "Steps of the training.", lower_bound=100)

PARTS, STEPS_BETWEEN_CHECKPOINTS = 5, 10


def main() -> None:
    """Trains, watches, prints the peaks."""
    data, run = make_data(_WORK.value), os.path.join(_WORK.value, "memory-run")
    storage.remove(run)
    peaks = watch(train_command(data, run), run)
    megabytes = [round(peak / 2**20) for peak in peaks]
    growth = round(megabytes[-1] / megabytes[1] - 1, 3)
    command.print_result({"steps": _STEPS.value, "peak_megabytes": megabytes, "growth": growth})


def train_command(data: str, run: str) -> list[str]:
    """A training of --steps steps that validates, saves and stops for no patience."""
    options = {
        "data": data,
        "run": run,
        "validation_split": "train",
        "batch_size": BATCH,
        "epochs": _STEPS.value // (LINES // BATCH),
        "patience": _STEPS.value,
        "checkpoint_steps": STEPS_BETWEEN_CHECKPOINTS,
    }
    return [sys.executable, "-m", "model.train", *(f"--{name}={value}" for name, value in options.items())]


def watch(words: list[str], run: str) -> list[int]:
    """The process's highest memory in bytes in each part of its steps."""
    process, peaks = subprocess.Popen(words), [0] * PARTS
    while process.poll() is None:
        part = min(find_step(run) * PARTS // _STEPS.value, PARTS - 1)
        peaks[part] = max(peaks[part], read_own(process.pid))
        time.sleep(0.5)
    if process.returncode:
        raise UserError(
            "training",
            received=f"exit code {process.returncode}",
            expected="0",
            remedy="See what it said above.",
        )
    return peaks


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
