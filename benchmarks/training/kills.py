"""Kills model.train at random steps, again and again, and compares its weights with an undisturbed run's.

    python -m benchmarks.training.kills --work=build/benchmark --kills=5
    python -m benchmarks.training.kills --work=build/benchmark --kills=5 --in_bucket
    python -m benchmarks.training.kills --work=build/benchmark --kills=5 --mixture [--any_width] [--in_bucket]

Draws and converts lines of digits, trains two runs by the same command: one to its end; the other is killed
(SIGKILL) as soon as its checkpoints show that it has passed a random step, and given again, --kills times, and
then to its end. With --in_bucket the other run is in a bucket of an S3 server that fails 2 % of the requests,
and each command has a machine of its own: an empty cache folder. With --mixture both train on two data sets, 1
to 3; with --in_bucket the other run reads them in the bucket, with --cache. Standard output ends with one JSON
object: the steps at which it was killed, and whether all arrays of the last epoch's weights and the losses in
history.csv are equal to the bit; in a bucket also the requests, and how many failed.
"""

import contextlib
import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import h5py
from absl import flags

from benchmarks.training.small_training import BATCH, LINES, find_step, make_data
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui import command
from tests.servers.faulty_proxy import FaultyProxy, serve_faults
from tests.servers.s3 import serve_s3, use_s3

_WORK = flags.DEFINE_string("work", None, "Folder for lines (kept) and runs.", required=True)
_KILLS = flags.DEFINE_integer("kills", 5, "Times that the run is killed.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the steps.")
_MIXTURE = flags.DEFINE_bool("mixture", False, "Train on two data sets, 1 to 3.")
_ANY_WIDTH = flags.DEFINE_bool("any_width", False, "Train on lines of any width.")
_IN_BUCKET = flags.DEFINE_bool("in_bucket", False, "Keep the run that is killed in a bucket.")

EPOCHS = 3
STEPS = LINES // BATCH * EPOCHS
BUCKET = "runs"
FAILING = 0.02  # share of the requests


def main() -> None:
    """Trains undisturbed, then the run that is killed."""
    folders = make_folders()
    data, undisturbed, killed = name_data(folders), _folder("undisturbed"), _folder("killed")
    for folder in (undisturbed, killed):
        storage.remove(folder)
    subprocess.run(train_command(data, undisturbed), check=True)
    steps = sorted(random.Random(_SEED.value).sample(range(1, STEPS - 10), _KILLS.value))
    result: dict[str, Any] = {"steps": STEPS, "killed_at": steps}
    if _IN_BUCKET.value:
        with serve_bucket() as proxy:
            url = f"s3://{BUCKET}/killed"
            if _MIXTURE.value:
                data = name_data(list(map(upload, folders)), f"--cache={_folder('cache')}")
            kill_and_finish(train_command(data, url), url, steps)
            result |= {"requests": proxy.requests.total(), "failed": proxy.failed.total()}
            storage.download_folder(url, killed)
    else:
        kill_and_finish(train_command(data, killed), killed, steps)
    result["weights_equal"] = read_weights(undisturbed) == read_weights(killed)
    result["losses_equal"] = read_losses(undisturbed) == read_losses(killed)
    command.print_result(result)


@contextlib.contextmanager
def serve_bucket() -> Iterator[FaultyProxy]:
    """Within the block, commands find a bucket behind a proxy that fails a share of the requests."""
    with serve_s3(BUCKET) as server, serve_faults(server, share=FAILING) as (url, proxy), use_s3(url):
        yield proxy


def kill_and_finish(words: list[str], run: str, steps: list[int]) -> None:
    """Starts a command and kills it near each of some steps, then runs it to its end."""
    for step in steps:
        kill_at(words, run, step)
    subprocess.run(words, check=True, env=make_environment(len(steps)))


def make_folders() -> list[str]:
    """Makes the data sets; returns their folders."""
    name, changes = ("any", {"image_width": 0}) if _ANY_WIDTH.value else ("data", {})
    folders = [make_data(_WORK.value, name, **changes)]
    if _MIXTURE.value:
        folders.append(make_data(_WORK.value, f"made-{name}", seed=1, lines=2 * LINES, length="2-4", **changes))
    return folders


def upload(folder: str) -> str:
    """Puts a data set into the bucket; returns its URL."""
    url = f"s3://{BUCKET}/{os.path.basename(folder)}"
    storage.upload_folder(folder, url)
    return url


def name_data(folders: list[str], *others: str) -> list[str]:
    """Returns the flags that name the data sets, and others."""
    first, *more = folders
    mixed = [*(f"--data={folder}=3" for folder in more), f"--epoch_steps={LINES // BATCH}"] if more else []
    return [f"--data={first}", *mixed, *others]


def train_command(data: list[str], run: str) -> list[str]:
    """The same command for both runs; a checkpoint every few steps, so that all of them are exercised."""
    options = {"run": run, "batch_size": BATCH, "epochs": EPOCHS, "checkpoint_steps": 7}
    words = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "model.train", *data, *words]


def kill_at(words: list[str], run: str, step: int) -> None:
    """Starts a command and kills it a random while after its checkpoints come near a step."""
    process = subprocess.Popen(words, env=make_environment(step))
    while find_step(run) < step - 7 and process.poll() is None:
        time.sleep(0.02)
    time.sleep(random.Random(step).random())
    process.send_signal(signal.SIGKILL)
    process.wait()


def make_environment(machine: int) -> dict[str, str]:
    """Environment of a command; in a bucket each has a cache folder of its own, as on another machine."""
    if not _IN_BUCKET.value:
        return dict(os.environ)
    folder = os.path.abspath(_folder(f"machine-{machine}"))
    storage.remove(folder)
    return {**os.environ, "XDG_CACHE_HOME": folder}


def _folder(name: str) -> str:
    return os.path.join(_WORK.value, name)


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
