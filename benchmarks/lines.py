"""What the benchmarks convert, and with what: drawn lines in lists of any length, and our command on them."""

import json
import os
import subprocess
import sys

import numpy as np

from benchmarks.conversion.plain_conversion import Task
from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW, find_faces
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.beam_jobs.synthesis.rendering.style import PRESETS
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.ui.progress import Progress

WORKERS = 2
WIDTH = 280
LABEL_LENGTH = 5
LINES_PER_SHARD = 4096

DIGITS = Charset("0123456789")

# Its lines take about 3 KB, as those do that it was fitted to.
STYLE = PRESETS["caffe_ocr"]

# U+4E00, the first of some 21,000 CJK ideographs in a row.
FIRST_CHINESE = 0x4E00


def draw_lines(folder: str, count: int, *, width: int = WIDTH) -> str:
    """Draws `count` lines of digits into folder/images with a list and a charset, unless they are there.

    They are 32 pixels high and `width` wide, with five digits at the full width.
    """
    list_path = os.path.join(folder, "list.txt")
    if not os.path.exists(list_path):
        storage.make_folder(os.path.join(folder, "images"))
        DIGITS.write(os.path.join(folder, "charset.txt"))
        renderer = LineRenderer(find_faces([PILLOW]), STYLE, Geometry(32, width))
        length = max(1, LABEL_LENGTH * width // WIDTH)
        progress, rows = Progress("draw", count, "lines"), []
        for number in range(count):
            rows.append(_save_line(folder, number, length, renderer))
            progress.show(number + 1)
        progress.close(count)
        # Written last: it marks the folder as whole.
        storage.write_atomically(list_path, "".join(rows).encode())
    return folder


def _save_line(folder: str, number: int, length: int, renderer: LineRenderer) -> str:
    """Draws and saves one line; returns its row of the list."""
    random = np.random.default_rng([0, number])
    digits = random.integers(0, len(DIGITS.characters), length)
    name = f"{number:06d}.jpg"
    data = renderer.render(DIGITS.decode(digits), 0, random)
    storage.write_atomically(os.path.join(folder, "images", name), data)
    return f"{name} {' '.join(str(digit + 1) for digit in digits)}\n"


def write_task(folder: str, name: str, *, rows: int, lines_per_shard: int, encoding: str) -> Task:
    """Writes a list of `rows` rows that names the drawn lines in turn, as often as it takes."""
    with open(os.path.join(folder, "list.txt"), encoding="utf-8") as file:
        drawn = file.readlines()
    path = os.path.join(folder, f"{name}.txt")
    storage.write_atomically(path, "".join(drawn[k % len(drawn)] for k in range(rows)).encode())
    images, charset = os.path.join(folder, "images"), os.path.join(folder, "charset.txt")
    return Task(path, images, charset, rows, lines_per_shard, encoding)


def write_chinese_task(folder: str, name: str, *, characters: int, length: int) -> Task:
    """Writes a list that names each drawn line once, with `length` ids of `characters` Chinese ones at random.

    The pictures show digits still: a step takes as long whatever they show.
    """
    charset, random = os.path.join(folder, f"{name}-charset.txt"), np.random.default_rng(0)
    Charset("".join(chr(FIRST_CHINESE + k) for k in range(characters))).write(charset)
    with open(os.path.join(folder, "list.txt"), encoding="utf-8") as file:
        names = [row.split(" ", 1)[0] for row in file]
    ids = random.integers(1, characters + 1, (len(names), length))
    rows = [" ".join((drawn, *map(str, row))) for drawn, row in zip(names, ids, strict=True)]
    path = os.path.join(folder, f"{name}.txt")
    storage.write_atomically(path, "".join(row + "\n" for row in rows).encode())
    return Task(path, os.path.join(folder, "images"), charset, len(rows), LINES_PER_SHARD, "uint8")


def read_images(folder: str) -> None:
    """Reads every drawn line's file once, so that no measurement waits for a disk."""
    for path in storage.find(os.path.join(folder, "images", "*.jpg")):
        storage.read_bytes(path)


def make_command(task: Task, output: str, **changes: object) -> list[str]:
    """Our command on a task, with two workers and no row a duplicate unless arguments say otherwise."""
    given = {
        "list": task.list_path,
        "image_root": task.image_root,
        "charset": task.charset_path,
        "output": output,
        "image_encoding": task.image_encoding,
        "lines_per_shard": task.lines_per_shard,
        "duplicates": "keep",
        "workers": WORKERS,
        **changes,
    }
    return [sys.executable, "-m", "beam_jobs.convert", *(f"--{name}={value}" for name, value in given.items())]


def run_ours(task: Task, output: str) -> None:
    """The command, as a user gives it; raises RuntimeError where it does not write every row."""
    ended = subprocess.run(make_command(task, output), capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"beam_jobs.convert ended with {ended.returncode}:\n{ended.stderr}")
    written = json.loads(ended.stdout.splitlines()[-1])["written"]
    if written != task.rows:
        raise RuntimeError(f"beam_jobs.convert wrote {written} of {task.rows} rows:\n{ended.stderr}")
