"""How many frames a width gives, and whether a label fits into them.

The network halves a line three times: a 5x5/2 'same' convolution and two 2x2/2 'valid' average pools.
"""

import itertools
from collections.abc import Sequence

STRIDE = 8


def count_frames(width):
    """Frames of a line of `width` pixels (a number or a tensor); the same rule gives rows from a height.

    ceil(W/2) after the convolution, then floor(./2) twice, which is (W + 1) // 8.
    """
    return (width + 1) // STRIDE


def frame_columns(first: int, last: int, width: int) -> tuple[int, int]:
    """Where the columns of pixels start and end (start <= x < end) that some frames of a line are centred on.

    Averages of four columns of the convolution, of which each is two pixels: frame t is pixels 8t to 8t + 7.
    """
    return first * STRIDE, min((last + 1) * STRIDE, width)


def required_frames(label: Sequence[int]) -> int:
    """Frames that CTC needs at least: one a character, and a blank between equal neighbours."""
    return len(label) + sum(a == b for a, b in itertools.pairwise(label))
