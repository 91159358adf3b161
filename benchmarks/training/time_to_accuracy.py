"""Compares the presets by the training that they take until 95 % of unseen lines are read without an error.

    python -m benchmarks.training.time_to_accuracy --work=build/accuracy --fonts='fonts/*'

Each seed trains with `notebook`, then with `recommended`, in a process of its own, on lines of 500 Chinese
characters, ten in each, and ends with the first check of 500 unseen lines that reaches --target. Minutes are
the process's CPU time in the training steps, without start-up and checks, so that other work on the machine
does not count; set OMP_NUM_THREADS. The length of `recommended`, over which its learning rate falls, is
--recommended_images; `notebook` has no such length, and ends at --most_images in any case.

Standard output ends with one JSON object: images and minutes by preset and seed, and `ratio_images` and
`ratio_minutes`, notebook / recommended, medians over the seeds. A training that does not reach the target
counts with the images that it had, and is in `missed`.
"""

import itertools
import os
import subprocess
import sys
from typing import Any

from absl import flags

from benchmarks.lines import FIRST_CHINESE
from benchmarks.pairs import median, run_alone
from benchmarks.training.accuracy_training import Reached, Training, train
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import FILE_NAME
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for the lines (kept).", required=True)
_FONTS = flags.DEFINE_multi_string("fonts", None, "Chinese font files, as for ocr-synthesize.", required=True)
_STYLE = flags.DEFINE_string("style", "caffe_ocr", "Style of the lines, as for ocr-synthesize.")
_SEEDS = flags.DEFINE_integer("seeds", 3, "Trainings with each preset.", lower_bound=1)
_FIRST_SEED = flags.DEFINE_integer("first_seed", 0, "Seed of the first.", lower_bound=0)
_TARGET = flags.DEFINE_float("target", 0.95, "Exact match to reach.", lower_bound=0, upper_bound=1)
_CHECK = flags.DEFINE_integer("check_images", 1_280, "Images between two checks.", lower_bound=64)
_LENGTH = flags.DEFINE_integer("recommended_images", 25_600, "Length of `recommended`.", lower_bound=640)
_MOST = flags.DEFINE_integer("most_images", 256_000, "Greatest length of `notebook`.", lower_bound=640)
_CHANGES = flags.DEFINE_multi_string("change", [], "NAME=VALUE of TrainConfig, for `recommended`.")
_PRESETS = flags.DEFINE_multi_string("preset", ["notebook", "recommended"], "Presets to train with.")

CHARACTERS, LENGTH = 500, 10
TRAINED, TESTED = 60_000, 500


def main() -> None:
    """Draws, trains, and prints the result."""
    data = draw_lines(_WORK.value)
    results: dict[str, list[Reached]] = {preset: [] for preset in _PRESETS.value}
    seeds = range(_FIRST_SEED.value, _FIRST_SEED.value + _SEEDS.value)
    for seed, preset in itertools.product(seeds, _PRESETS.value):
        reached = run_alone(train, _plan(preset, seed), data)
        results[preset].append(reached)
        print(f"{preset}, seed {seed}: {reached}", file=sys.stderr)
    command.print_result(_summarise(results))


def draw_lines(work: str) -> str:
    """Draws training and test lines of random characters, unless they are there; returns the data set."""
    data, charset = (os.path.join(work, name) for name in ("data", "charset.txt"))
    if not storage.exists(os.path.join(data, FILE_NAME)):
        storage.make_folder(work)
        Charset("".join(chr(FIRST_CHINESE + 40 * k) for k in range(CHARACTERS))).write(charset)
        for seed, (split, count) in enumerate([("train", TRAINED), ("test", TESTED)]):
            options = {"charset": charset, "text": "charset", "length": LENGTH, "style": _STYLE.value}
            options |= {"lines": count, "output": data, "split": split, "seed": seed, "image_encoding": "uint8"}
            arguments = [f"--{name}={value}" for name, value in options.items()]
            fonts = [f"--fonts={font}" for font in _FONTS.value]
            subprocess.run([sys.executable, "-m", "beam_jobs.synthesize", *arguments, *fonts], check=True)
    return data


def _plan(preset: str, seed: int) -> Training:
    changes = {}
    if preset == "recommended":
        pairs = (change.split("=", 1) for change in _CHANGES.value)
        changes = {name: type(getattr(TrainConfig, name))(value) for name, value in pairs}
    images = _LENGTH.value if preset == "recommended" else _MOST.value
    return Training(preset, seed, images, _CHECK.value, _TARGET.value, changes)


def _summarise(results: dict[str, list[Reached]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        preset: [reached._asdict() for reached in trainings] for preset, trainings in results.items()
    }
    found["missed"] = sum(r.exact_match < _TARGET.value for r in itertools.chain(*results.values()))
    if len(results) == 2:
        for name in ("images", "minutes"):
            pairs = zip(results["notebook"], results["recommended"], strict=True)
            found[f"ratio_{name}"] = median((getattr(a, name) / getattr(b, name) for a, b in pairs), 2)
    return found


if __name__ == "__main__":
    command.run(main)
