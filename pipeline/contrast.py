"""Contrast of grey levels, uint8 [H, W]: whether they can show a text."""

import numpy as np

# Least contrast of a text, in grey levels. Lines in the faintest ink that styles allow, a tenth of the light of
# white paper, have 20; real lines have 79 and more; grey of 12 bits in the low bits of 16 has 15 at most.
MIN_CONTRAST = 16

# One pixel of so many may be a speck: 4 of a line of 32x280, fewer than a full stop has.
_PIXELS_PER_SPECK = 2048


def find_range(levels: np.ndarray) -> tuple[int, int]:
    """Returns the darkest and the lightest level, without specks."""
    flat = levels.ravel()
    specks = flat.size // _PIXELS_PER_SPECK
    dark, light = specks, flat.size - 1 - specks
    ordered = np.partition(flat, (dark, light))
    return int(ordered[dark]), int(ordered[light])


def has_contrast(levels: np.ndarray) -> bool:
    """Returns whether the levels can show a text."""
    darkest, lightest = find_range(levels)
    return lightest - darkest >= MIN_CONTRAST
