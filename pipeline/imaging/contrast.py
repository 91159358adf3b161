"""Contrast and polarity of grey levels, uint8 [H, W]: whether they show a text, and whether light on dark."""

import numpy as np

from densenet_ocr.pipeline.errors import check_setting

# Least contrast of a text, in grey levels. Lines in the faintest ink that styles allow, a tenth of the light of
# white paper, have 20; real lines have 79 and more; grey of 12 bits in the low bits of 16 has 15 at most.
MIN_CONTRAST = 16

# One pixel of so many may be a speck: 4 of a line of 32x280, fewer than a full stop has.
PIXELS_PER_SPECK = 2048

# Every eighth pixel of nearly all lines is enough to show the contrast, in a fifth of the time.
_SAMPLE = 8

# Which lines are inverted: none, those that are light on dark, all.
NEVER, AUTO, ALWAYS = INVERT = ("never", "auto", "always")

INVERT_HELP = (
    "Invert lines: none (never), those that are light on dark by their border (auto), or all (always)."
)
INVERT_AT_READING_HELP = INVERT_HELP + " By default as the model's training lines were."


def find_range(levels: np.ndarray) -> tuple[int, int]:
    """Returns the darkest and the lightest of levels, uint8 [H, W], without specks."""
    flat = levels.ravel()
    return _find_range(flat, flat.size // PIXELS_PER_SPECK)


def has_contrast(levels: np.ndarray) -> bool:
    """Returns whether levels, uint8 [H, W], can show a text."""
    flat = levels.ravel()
    for pixels in (flat[::_SAMPLE], flat):
        darkest, lightest = _find_range(pixels, flat.size // PIXELS_PER_SPECK)
        if lightest - darkest >= MIN_CONTRAST:
            return True
    return False


def check_invert(invert: str) -> str:
    """Returns the setting; raises UserError unless it is one of INVERT."""
    check_setting("invert", invert, invert in INVERT, ", ".join(INVERT))
    return invert


def make_dark_on_light(levels: np.ndarray, invert: str) -> np.ndarray:
    """Returns the levels, or their inverse, uint8 [H, W], as a setting of INVERT says."""
    inverts = invert == ALWAYS or (invert == AUTO and is_light_on_dark(levels))
    return 255 - levels if inverts else levels


def is_light_on_dark(levels: np.ndarray) -> bool:
    """Returns whether a text, uint8 [H, W], is light on dark: its border is darker than mid-range.

    The border, one pixel wide, is mostly paper, even where the image is cut tightly around the text. Without
    contrast nothing is light on dark.
    """
    darkest, lightest = find_range(levels)
    border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    is_dark = 2 * int(border.sum()) < (darkest + lightest) * border.size
    return is_dark and lightest - darkest >= MIN_CONTRAST


def _find_range(pixels: np.ndarray, specks: int) -> tuple[int, int]:
    """The darkest and the lightest level of uint8 [N] without so many pixels at each end."""
    dark, light = specks, pixels.size - 1 - specks
    ordered = np.partition(pixels, (dark, light))
    return int(ordered[dark]), int(ordered[light])
