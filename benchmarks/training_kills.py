"""Kills model.train at random steps, again and again, and compares its weights with an undisturbed run's.

    python -m benchmarks.training_kills --work=build/benchmark --kills=5

Draws and converts lines of digits, trains two runs by the same command: one to its end; the other is killed
(SIGKILL) as soon as its checkpoints show that it has passed a random step, and given again, --kills times, and
then to its end. Standard output ends with one JSON object: the steps at which it was killed, and whether all
arrays of the last epoch's weights and the losses in history.csv are equal to the bit.
"""

import csv
import os
import random
import signal
import subprocess
import sys
import time

import h5py
from absl import flags

from benchmarks.small_training import BATCH, LINES, find_step, make_data
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for lines (kept) and runs.", required=True)
_KILLS = flags.DEFINE_integer("kills", 5, "Times that the run is killed.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the steps.")

EPOCHS = 3
STEPS = LINES // BATCH * EPOCHS


def main() -> None:
    """Trains undisturbed, then the run that is killed."""
    data = make_data(_WORK.value)
    runs = {name: os.path.join(_WORK.value, name) for name in ("undisturbed", "killed")}
    for run in runs.values():
        storage.remove(run)
    subprocess.run(train_command(data, runs["undisturbed"]), check=True)
    steps = sorted(random.Random(_SEED.value).sample(range(1, STEPS - 10), _KILLS.value))
    for step in steps:
        kill_at(train_command(data, runs["killed"]), runs["killed"], step)
    subprocess.run(train_command(data, runs["killed"]), check=True)
    equal = read_weights(runs["undisturbed"]) == read_weights(runs["killed"])
    losses = read_losses(runs["undisturbed"]) == read_losses(runs["killed"])
    command.print_result({"steps": STEPS, "killed_at": steps, "weights_equal": equal, "losses_equal": losses})


def train_command(data: str, run: str) -> list[str]:
    """The same command for both runs; a checkpoint every few steps, so that all of them are exercised."""
    options = {"data": data, "run": run, "batch_size": BATCH, "epochs": EPOCHS, "checkpoint_steps": 7}
    return [sys.executable, "-m", "model.train", *(f"--{name}={value}" for name, value in options.items())]


def kill_at(words: list[str], run: str, step: int) -> None:
    """Starts a command and kills it a random while after its checkpoints come near a step."""
    process = subprocess.Popen(words)
    while find_step(run) < step - 7 and process.poll() is None:
        time.sleep(0.02)
    time.sleep(random.Random(step).random())
    process.send_signal(signal.SIGKILL)
    process.wait()


def read_weights(run: str) -> dict[str, bytes]:
    """The arrays of the last epoch's weights."""
    arrays = {}
    with h5py.File(os.path.join(run, "weights", f"epoch-{EPOCHS:04d}.weights.h5")) as file:
        file.visititems(
            lambda name, item: arrays.update({name: item[()].tobytes()} if hasattr(item, "shape") else {})
        )
    return arrays


def read_losses(run: str) -> list[str]:
    """The losses of all epochs."""
    with open(os.path.join(run, "history.csv"), encoding="utf-8") as file:
        return [row["loss"] for row in csv.DictReader(file)]


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
