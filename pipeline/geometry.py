"""The size of a data set's lines in pixels."""

import dataclasses

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.frames import count_frames


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Size of a data set's lines in pixels.

    Attributes:
      height: Height of all lines.
      width: Width of all lines; 0 if each line keeps its own width at that height.

    Raises:
      UserError: a side is too short for one frame (7 pixels).
    """

    height: int = 32
    width: int = 280

    def __post_init__(self) -> None:
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
