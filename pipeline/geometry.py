"""The size of a data set's lines in pixels."""

import dataclasses

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.frames import count_frames

# No line has more pixels, before or after fitting; a few bytes of a file can claim billions.
MAX_PIXELS = 1 << 25

# Nor more rows: the network's last layer has 24 weights for each of them and each class.
MAX_HEIGHT = 4096


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Size of a data set's lines in pixels.

    Attributes:
      height: Height of all lines.
      width: Width of all lines; 0 if each line keeps its own width at that height.

    Raises:
      UserError: a side is too short for one frame (7 pixels), or no line is so large.
    """

    height: int = 32
    width: int = 280

    def __post_init__(self) -> None:
        if not all(isinstance(size, int) for size in (self.height, self.width)):
            raise TypeError(f"{self.height!r} and {self.width!r} in place of whole numbers")
        if self.height > MAX_HEIGHT or self.height * self.width > MAX_PIXELS:
            raise UserError(
                "image size",
                received=f"{self.width}x{self.height} pixels",
                expected=f"a height of {MAX_HEIGHT} at most, and {MAX_PIXELS:,} pixels at most",
                remedy="Set --image_height and --image_width to the size of the lines.",
            )
        for name, size in (("height", self.height), ("width", self.width)):
            if count_frames(size) < 1 and (name, size) != ("width", 0):
                raise UserError(
                    f"image {name}",
                    received=size,
                    expected="at least 7 pixels, the least for one frame",
                    remedy=f"Set --image_{name} to the size of the lines.",
                )

    def __str__(self) -> str:
        return f"{self.width}x{self.height}" if self.width else f"{self.height} high, any width"
