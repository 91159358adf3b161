"""A training of minutes for the benchmarks that kill or watch one: its lines, and how far it is."""

import os
import re
import subprocess
import sys

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset

LINES, BATCH, WIDTH = 640, 16, 88


def make_data(work: str, name: str = "data", **changes: str | int) -> str:
    """Draws the lines, by flags of ocr-synthesize, unless they are there; returns the data set's folder."""
    data, charset = (os.path.join(work, f"training-{end}") for end in (name, "charset.txt"))
    if not storage.exists(os.path.join(data, "dataset.json")):
        storage.make_folder(work)
        Charset("0123456789").write(charset)
        words = {"fonts": "pillow", "text": "charset", "length": "3-4", "charset": charset, "lines": LINES}
        words |= {"output": data, "image_width": WIDTH, "lines_per_shard": 100, **changes}
        options = [f"--{name}={value}" for name, value in words.items()]
        subprocess.run([sys.executable, "-m", "beam_jobs.synthesize", *options], check=True)
    return data


def find_step(run: str) -> int:
    """The step of a run's newest checkpoint, 0 before the first."""
    names = storage.list_names(storage.join(run, "checkpoints"))
    return max(
        [int(found[1]) for name in names if (found := re.fullmatch(r"ckpt-(\d+)\.index", name))], default=0
    )
