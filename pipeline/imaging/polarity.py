"""Polarity of grey levels, uint8 [H, W]: a text light on dark becomes dark on light, as most lines are."""

import numpy as np

from densenet_ocr.pipeline.errors import check_setting
from densenet_ocr.pipeline.imaging.contrast import MIN_CONTRAST, find_range

# Which lines are inverted: none, those that are light on dark, all.
NEVER, AUTO, ALWAYS = INVERT = ("never", "auto", "always")

INVERT_HELP = (
    "Invert lines: none (never), those that are light on dark by their border (auto), or all (always)."
)
INVERT_AT_READING_HELP = INVERT_HELP + " By default as the model's training lines were."


def check_invert(invert: str) -> str:
    """Returns the setting; raises UserError unless it is one of INVERT."""
    check_setting("invert", invert, invert in INVERT, ", ".join(INVERT))
    return invert


def make_dark_on_light(levels: np.ndarray, invert: str) -> np.ndarray:
    """Returns the levels, or their inverse, uint8 [H, W], as a setting of INVERT says."""
    inverts = invert == ALWAYS or (invert == AUTO and is_light_on_dark(levels))
    return 255 - levels if inverts else levels


def is_light_on_dark(levels: np.ndarray) -> bool:
    """Returns whether a text is light on dark: whether its border is darker than the middle of its range.

    The border, one pixel wide, is mostly paper, even where the image is cut tightly around the text. Without
    contrast nothing is light on dark.
    """
    darkest, lightest = find_range(levels)
    border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    is_dark = 2 * int(border.sum()) < (darkest + lightest) * border.size
    return is_dark and lightest - darkest >= MIN_CONTRAST
