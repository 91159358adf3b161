"""One line of a split: what it is, what it says and what was read."""

from typing import NamedTuple

import numpy as np

from densenet_ocr.model.reading.reading import Reading


class LineResult(NamedTuple):
    """A line's key (the path as the list has it), grey levels (uint8 [H, its own W]), truth and reading."""

    key: str
    levels: np.ndarray
    truth: str
    reading: Reading
