"""Configuration of augmentation: operations, probability and strength. It needs no TensorFlow."""

import dataclasses

from densenet_ocr.pipeline.geometry import FRAME_STRIDE
from densenet_ocr.pipeline.ui.flags import option, validate

# Operations that move pixels; combined into one projective map, so that a line is interpolated once.
WARPS = ("shift", "stretch", "shear", "perspective")

# All operations in the order of application, as in a camera: paper, light, lens, sensor.
OPS = (*WARPS, "cut_out", "invert", "contrast", "shade", "blur", "noise")

# Ranges at strength 1; each line draws its own values. Lengths are in heights of the line (32 pixels in the
# notebook), grey in normalised units (white - black is 1). Chosen by eye: 100 lines of the notebook's kind stay
# readable. Ink never leaves a line (see augmentation.warp).

# Pixels along the line: half a frame either way, so that a character occurs at every phase of the frames.
SHIFT_ALONG = (-FRAME_STRIDE / 2, FRAME_STRIDE / 2)
# Heights: two pixels of 32, about the margin of such lines above and below.
SHIFT_ACROSS = (-0.06, 0.06)
# Logarithm of the factor along the line: about ten per cent, as between narrow and wide cuts of a font.
STRETCH = (-0.1, 0.1)
# Tangent of the slant: 8.5 degrees, where italics have about 12.
SLANT = (-0.15, 0.15)
# Heights by which the line's ends rise and fall: 1.5 pixels of 32, a skewed scan.
SLOPE = (-0.05, 0.05)
# Share by which one end is taller than the middle and the other one shorter: a page seen from its side.
TAPER = (-0.05, 0.05)
# Tangent of the slant of one end, opposite at the other: a page seen from below or above.
FAN = (-0.1, 0.1)
# Heights of a rectangle's side: two to four pixels of 32, a stroke's width; larger ones turn a 6 into a 5.
CUT_OUT_SIDE = (0.06, 0.12)
# Heights of line per rectangle: about one for two characters, which are as wide as high in Chinese.
CUT_OUT_EVERY = 2
# Share of its contrast that an inverted line keeps, at least and beyond that: black is seldom black on screens.
KEPT_CONTRAST, MORE_CONTRAST = 0.7, (0.0, 0.3)
# Logarithm of the factor of contrast: two thirds to one and a half.
CONTRAST = (-0.4, 0.4)
# Grey added to paper and ink alike; less where either would saturate.
BRIGHTNESS = (-0.2, 0.2)
# Share of the light that is lost from one end or edge to the opposite one.
SHADE = (0.1, 0.4)
# Heights of the Gaussian's standard deviation: 0.3 pixels of 32, as in sharp lines, to 0.8, a soft scan.
BLUR = (0.01, 0.025)
# Grey of the Gaussian's standard deviation: one to eight levels of 255.
NOISE = (0.004, 0.03)

STRONGEST = 2.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Configuration of augmentation, validated on construction.

    Attributes:
      ops: Names out of OPS in any order and any sequence type (JSON gives lists), or "all" alone; stored as a
        tuple in the order of OPS. None leaves lines unchanged.
      probability: Probability of each operation, independently for each line.
      strength: Factor of the ranges above.

    Raises:
      UserError: an operation is unknown, or a number is outside its limits.
    """

    ops: tuple[str, ...] = option(
        (),
        help=f"Operations on training lines: all, or some of {', '.join(OPS)}.",
        choices=OPS,
        comma=True,
        flag="augment",
    )
    probability: float = option(
        0.5, help="Probability of each operation, line by line.", above=0, at_most=1, flag="augment_probability"
    )
    strength: float = option(
        1.0,
        help="Factor of the ranges of all operations.",
        above=0,
        at_most=STRONGEST,
        flag="augment_strength",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "ops", OPS if tuple(self.ops) == ("all",) else tuple(self.ops))
        validate(self)
        object.__setattr__(self, "ops", tuple(name for name in OPS if name in self.ops))
