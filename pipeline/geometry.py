"""Sizes in pixels and in frames: of a data set's lines, of what the network makes of them, of what CTC needs.

The network halves a line three times: a 5x5/2 'same' convolution and two 2x2/2 'valid' average pools. A frame
is then 8 pixels wide. With a frame stride of 4 the second pool halves the rows only.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from densenet_ocr.pipeline.errors import UserError, check_setting

# Pixels of a line for each row of features.
ROW_STRIDE = 8

# Pixels of a line for each frame, by --frame_stride; the first is the notebook's.
FRAME_STRIDES = (8, 4)
FRAME_STRIDE = FRAME_STRIDES[0]

# No line has more pixels, before or after fitting; a few bytes of a file can claim billions.
MAX_PIXELS = 1 << 25

# Nor more rows: the network's last layer has 24 weights for each of them and each class.
MAX_HEIGHT = 4096

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


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Size of a data set's lines, and of a frame, in pixels.

    Attributes:
      height: Height of all lines.
      width: Width of all lines; 0 if each line keeps its own width at that height.
      frame_stride: Width of a frame. Labels fit into the frames of their lines.

    Raises:
      UserError: the height is too short for a row of features or the width for a frame, no line is so large, or
        the frame stride is none of FRAME_STRIDES.
    """

    height: int = 32
    width: int = 280
    frame_stride: int = FRAME_STRIDE

    def __post_init__(self) -> None:
        sizes = (self.height, self.width, self.frame_stride)
        if not all(isinstance(size, int) for size in sizes):
            raise TypeError(f"{sizes!r} in place of whole numbers")
        check_frame_stride(self.frame_stride)
        if self.height > MAX_HEIGHT or self.height * self.width > MAX_PIXELS:
            raise UserError(
                "image size",
                received=f"{self.width}x{self.height} pixels",
                expected=f"a height of {MAX_HEIGHT} at most, and {MAX_PIXELS:,} pixels at most",
                remedy="Set --image_height and --image_width to the size of the lines.",
            )
        if count_rows(self.height) < 1:
            raise _refuse_size("height", self.height, ROW_STRIDE - 1)
        if self.width and self.count_frames(self.width) < 1:
            raise _refuse_size("width", self.width, self.least_width)

    @property
    def least_width(self) -> int:
        """Width of the narrowest line that has a frame."""
        return self.frame_stride - 1

    def count_frames(self, width: Number) -> Number:
        """Returns the frames of lines of some widths in pixels; see the function count_frames."""
        return count_frames(width, self.frame_stride)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}" if self.width else f"{self.height} high, any width"


def _refuse_size(name: str, size: int, least: int) -> UserError:
    return UserError(
        f"image {name}",
        received=size,
        expected=f"at least {least} pixels, the least for one frame",
        remedy=f"Set --image_{name} to the size of the lines.",
    )
