"""A training of minutes for the benchmarks that kill or watch one: its lines, and how far it is."""

import os
import re
import subprocess
import sys

from beam_jobs.digit_lines import draw_lists
from pipeline import storage
from pipeline.images import Geometry

LINES, BATCH, WIDTH = 640, 16, 88


def make_data(work: str) -> str:
    """Draws and converts the lines, unless they are there; returns the data set's folder."""
    lines, data = (os.path.join(work, f"training-{name}") for name in ("lines", "data"))
    if not storage.exists(os.path.join(data, "dataset.json")):
        draw_lists(output=lines, counts={"train": LINES}, geometry=Geometry(32, WIDTH), seed=0)
        words = {"list": "train.txt", "image_root": "images", "charset": "charset.txt"}
        options = [f"--{name}={os.path.join(lines, value)}" for name, value in words.items()]
        options += [f"--output={data}", f"--image_width={WIDTH}", "--lines_per_shard=100"]
        subprocess.run([sys.executable, "-m", "beam_jobs.convert", *options], check=True)
    return data


def find_step(run: str) -> int:
    """The step of a run's newest checkpoint, 0 before the first."""
    names = storage.list_names(os.path.join(run, "checkpoints"))
    return max(
        [int(found[1]) for name in names if (found := re.fullmatch(r"ckpt-(\d+)\.index", name))], default=0
    )
