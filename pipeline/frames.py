"""How many frames the network gives for a width, and how many CTC needs for a label.

The network halves a line three times: a 5x5/2 'same' convolution and two 2x2/2 'valid' average pools.
"""

import itertools
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

STRIDE = 8

Number = TypeVar("Number", int, np.ndarray)  # or an integer tensor, which type checkers see as Any


def count_frames(width: Number) -> Number:
    """Returns the number of frames of lines of some widths; the same rule gives rows of a height.

    It is ceil(W / 2) after the convolution, then floor(. / 2) twice: (W + 1) // 8.

    Args:
      width: Pixels, an integer or an integer array or tensor of any shape.

    Returns:
      Frames, of the same type, shape and dtype.
    """
    return (width + 1) // STRIDE


def frame_columns(first: int, last: int, width: int) -> tuple[int, int]:
    """Returns the range of pixel columns, start <= x < end, that frames `first` to `last` are centred on.

    A frame averages four columns of the convolution of two pixels each: frame t covers pixels 8t to 8t + 7.
    """
    return first * STRIDE, min((last + 1) * STRIDE, width)


def required_frames(label: Sequence[int]) -> int:
    """Returns the least frames that CTC needs: one for each character, and a blank between equal neighbours."""
    return len(label) + sum(a == b for a, b in itertools.pairwise(label))
