"""The lines of benchmarks.network.options: five frequent Chinese characters of a text, at two heights.

Each data set has the same lines, at another height: `lines-32` is 144x32 pixels, `lines-48` is 216x48.
"""

import collections
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import FILE_NAME, load_dataset_info

CHARACTERS, LENGTH = 500, 5
TRAINED, TESTED = 60_000, 2_000

# Pixels per character across, over those of a line's height.
_WIDTH = 4.5

Texts = dict[str, str]  # split -> path of a text


class Variant(NamedTuple):
    """A network and its training.

    Attributes:
      height: Height of the lines.
      seed: Seed of initial weights, order and dropout.
      second_head: Weight of the loss of a second head.
    """

    height: int = 32
    seed: int = 0
    second_head: float = 0.0


def draw_lines(work: str, texts: Texts, fonts: str, height: int) -> str:
    """Draws the lines of one height, unless they are there.

    Args:
      work: Folder of all that the benchmark makes.
      texts: Paths of the texts that the lines of each split have.
      fonts: Glob of font files.
      height: Height of the lines.

    Returns:
      The folder of the data set, with the splits of `texts`.
    """
    data = os.path.join(work, f"lines-{height}")
    charset, frequent = _write_texts(work, texts)
    for seed, (split, count) in enumerate([("train", TRAINED), ("test", TESTED)]):
        if not _has_split(data, split):
            options = {"charset": charset, "text": frequent[split], "fonts": fonts, "style": "caffe_ocr"}
            options |= {"length": LENGTH, "lines": count, "image_height": height, "image_encoding": "uint8"}
            options |= {"image_width": round(_WIDTH * height), "output": data, "split": split, "seed": seed}
            flags = [f"--{name}={value}" for name, value in options.items()]
            command = [sys.executable, "-m", "beam_jobs.synthesize", "--workers=1", *flags]
            subprocess.run(command, check=True)
    return data


def _has_split(data: str, split: str) -> bool:
    return storage.exists(os.path.join(data, FILE_NAME)) and split in load_dataset_info(data).splits


def _write_texts(work: str, texts: Texts) -> tuple[str, Texts]:
    """Writes a charset of the most frequent Chinese characters, and each text without all others."""
    charset = os.path.join(work, "charset.txt")
    read = {split: _read(path) for split, path in texts.items()}
    counts = collections.Counter(character for character in read["train"] if _is_chinese(character))
    characters = "".join(sorted(character for character, _ in counts.most_common(CHARACTERS)))
    Charset(characters).write(charset)
    frequent = frozenset(characters)
    written = {split: os.path.join(work, f"{split}.txt") for split in texts}
    for split, text in read.items():
        rows = _split_rows([character for character in text if character in frequent])
        storage.write_atomically(written[split], "\n".join(rows).encode())
    return charset, written


def _read(path: str) -> str:
    return storage.read_bytes(path).decode()


def _is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _split_rows(characters: Sequence[str]) -> list[str]:
    """Rows of one line's length."""
    return ["".join(characters[k : k + LENGTH]) for k in range(0, len(characters) - LENGTH + 1, LENGTH)]
