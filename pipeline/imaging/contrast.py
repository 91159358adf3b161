"""Contrast of grey levels, uint8 [H, W]: whether they can show a text."""

import numpy as np

# Least contrast of a text, in grey levels. Lines in the faintest ink that styles allow, a tenth of the light of
# white paper, have 20; real lines have 79 and more; grey of 12 bits in the low bits of 16 has 15 at most.
MIN_CONTRAST = 16

# One pixel of so many may be a speck: 4 of a line of 32x280, fewer than a full stop has.
PIXELS_PER_SPECK = 2048

# Every eighth pixel of nearly all lines is enough to show the contrast, in a fifth of the time.
_SAMPLE = 8


def find_range(levels: np.ndarray) -> tuple[int, int]:
    """Returns the darkest and the lightest level, without specks."""
    flat = levels.ravel()
    return _find_range(flat, flat.size // PIXELS_PER_SPECK)


def has_contrast(levels: np.ndarray) -> bool:
    """Returns whether the levels can show a text."""
    flat = levels.ravel()
    for pixels in (flat[::_SAMPLE], flat):
        darkest, lightest = _find_range(pixels, flat.size // PIXELS_PER_SPECK)
        if lightest - darkest >= MIN_CONTRAST:
            return True
    return False


def _find_range(pixels: np.ndarray, specks: int) -> tuple[int, int]:
    """The darkest and the lightest level of uint8 [N] without so many pixels at each end."""
    dark, light = specks, pixels.size - 1 - specks
    ordered = np.partition(pixels, (dark, light))
    return int(ordered[dark]), int(ordered[light])
