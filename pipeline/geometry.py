"""The size of a data set's lines and of a frame, in pixels."""

import dataclasses

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.frames import (
    FRAME_STRIDE,
    ROW_STRIDE,
    Number,
    check_frame_stride,
    count_frames,
    count_rows,
)

# No line has more pixels, before or after fitting; a few bytes of a file can claim billions.
MAX_PIXELS = 1 << 25

# Nor more rows: the network's last layer has 24 weights for each of them and each class.
MAX_HEIGHT = 4096


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
        """Returns the frames of lines of some widths in pixels; see frames.count_frames."""
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
