"""How many frames the network gives for a width, and how many CTC needs for a label.

The network halves a line three times: a 5x5/2 'same' convolution and two 2x2/2 'valid' average pools. A frame
is then 8 pixels wide. With a frame stride of 4 the second pool halves the rows only.
"""

import itertools
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from densenet_ocr.pipeline.errors import check_setting

# Pixels of a line for each row of features.
ROW_STRIDE = 8

# Pixels of a line for each frame, by --frame_stride; the first is the notebook's.
FRAME_STRIDES = (8, 4)
FRAME_STRIDE = FRAME_STRIDES[0]

Number = TypeVar("Number", int, np.ndarray)  # or an integer tensor, which type checkers see as Any


def count_frames(width: Number, stride: int = FRAME_STRIDE) -> Number:
    """Returns the number of frames of lines of some widths.

    With a stride of 8 it is ceil(W / 2) after the convolution, then floor(. / 2) twice: (W + 1) // 8. With 4
    the second pool leaves the columns: (W + 1) // 4.

    Args:
      width: Pixels, an integer or an integer array or tensor of any shape.
      stride: Pixels of a frame, one of FRAME_STRIDES.

    Returns:
      Frames, of the same type, shape and dtype.
    """
    return (width + 1) // stride


def count_rows(height: int) -> int:
    """Returns the rows of features of lines of a height in pixels: (H + 1) // 8, whatever the frame stride."""
    return (height + 1) // ROW_STRIDE


def frame_columns(first: int, last: int, width: int, stride: int = FRAME_STRIDE) -> tuple[int, int]:
    """Returns the range of pixel columns, start <= x < end, that frames `first` to `last` are centred on.

    Frame t covers pixels stride * t to stride * (t + 1) - 1: it averages columns of the first convolution, of
    two pixels each.
    """
    return first * stride, min((last + 1) * stride, width)


def required_frames(label: Sequence[int]) -> int:
    """Returns the least frames that CTC needs: one for each character, and a blank between equal neighbours."""
    return len(label) + sum(a == b for a, b in itertools.pairwise(label))


def check_frame_stride(stride: int) -> int:
    """Returns the frame stride; raises UserError unless it is one of FRAME_STRIDES."""
    check_setting("frame_stride", stride, stride in FRAME_STRIDES, " or ".join(map(str, FRAME_STRIDES)))
    return stride
