"""Small lists, images and data sets for the tests."""

import io
import os
from collections.abc import Sequence
from unittest import mock

import numpy as np
import PIL.Image

from densenet_ocr.beam_jobs.conversion.config import ConversionConfig
from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.pipeline.charset import Charset

CHARSET = Charset("0123456789ab ")


def shallow_network():
    """A patch of the network's depth, for tests of what does not depend on it: one is traced in seconds."""
    return mock.patch("densenet_ocr.model.network.densenet.LAYERS_PER_BLOCK", 1)


def train_a_little(model) -> None:
    """Gives biases, scales and statistics, which all begin as 0 or 1, values of their own."""
    random = np.random.default_rng(1)
    for variable in model.variables:
        if len(variable.shape) == 1:
            low, high = (0.5, 1.5) if variable.path.endswith(("gamma", "moving_variance")) else (-0.2, 0.2)
            variable.assign(random.uniform(low, high, variable.shape))


def draw_levels(number: int, height: int = 32, width: int = 64) -> np.ndarray:
    """Grey levels that differ from number to number, uint8 [height, width]."""
    return np.random.default_rng(number).integers(0, 256, (height, width), dtype=np.uint8)


def encode_image(levels: np.ndarray, kind: str = "PNG") -> bytes:
    """An image file of grey levels; PNG keeps every level."""
    data = io.BytesIO()
    PIL.Image.fromarray(levels).save(data, kind)
    return data.getvalue()


def write_list(folder: str, rows: list[str], name: str = "train.txt") -> str:
    """Writes a list file and the charset beside it; returns the list's path."""
    CHARSET.write(os.path.join(folder, "charset.txt"))
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.writelines(row + "\n" for row in rows)
    return path


def write_lines(folder: str, count: int, name: str = "train.txt", widths: Sequence[int] = ()) -> str:
    """Writes `count` images 0.png, 1.png, ... and a list of them, line k labelled with the digits of k."""
    for number, width in enumerate(widths or [64] * count):
        with open(os.path.join(folder, f"{number}.png"), "wb") as file:
            file.write(encode_image(draw_levels(number, width=width)))
    rows = [f"{n}.png {' '.join(str(int(digit) + 1) for digit in str(n))}" for n in range(count)]
    return write_list(folder, rows, name)


def conversion(folder: str, **changes) -> ConversionConfig:
    """A conversion of folder/train.txt into folder/data."""
    given = {
        "list_paths": (os.path.join(folder, "train.txt"),),
        "image_root": folder,
        "list_format": "mixed",  # the digits of CHARSET are ids or texts
        "charset_path": os.path.join(folder, "charset.txt"),
        "output": os.path.join(folder, "data"),
        "image_width": 64,
        "lines_per_shard": 8,
    }
    return ConversionConfig(**{**given, **changes})


def convert_lines(folder: str, count: int, **changes) -> str:
    """Writes and converts `count` lines in this process; returns the data set's folder."""
    write_lines(folder, count)
    config = conversion(folder, **changes)
    convert(config, workers=1)
    return config.output


def convert_texts(folder: str, count: int, characters: str, seed: int = 1000, **changes) -> str:
    """As `convert_lines`, with other lines and a charset of its own; line k is seed + k in its digits."""
    os.makedirs(folder, exist_ok=True)
    for number in range(count):
        with open(os.path.join(folder, f"{number}.png"), "wb") as file:
            file.write(encode_image(draw_levels(seed + number)))
    write_list(folder, [f"{n}.png\t{seed + n}" for n in range(count)])
    Charset(characters).write(os.path.join(folder, "charset.txt"))
    config = conversion(folder, **changes)
    convert(config, workers=1)
    return config.output


def convert_any_width(folder: str, widths: Sequence[int], **changes) -> str:
    """As `convert_lines`, with lines of these widths, which stay as wide as they are."""
    write_lines(folder, len(widths), widths=widths)
    config = conversion(folder, image_width=0, **changes)
    convert(config, workers=1)
    return config.output
