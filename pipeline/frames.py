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


def needed_frames(label: Sequence[int]) -> int:
    """Frames that CTC needs at least: one a character, and a blank between equal neighbours."""
    return len(label) + sum(a == b for a, b in itertools.pairwise(label))
