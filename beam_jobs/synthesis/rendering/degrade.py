"""What a camera and a scanner do to ink: blur of two kinds, and fewer pixels than there were."""

import numpy as np
import PIL.Image
import PIL.ImageFilter

from densenet_ocr.beam_jobs.synthesis.rendering.style import Style


def wear(mask: PIL.Image.Image, style: Style) -> np.ndarray:
    """Shares of ink, float32 [H, W] from 0 to 1, of a mask."""
    if style.coarse > 1:
        mask = _scale_down_and_up(mask, style.coarse)
    if style.blur > 0:
        mask = mask.filter(PIL.ImageFilter.GaussianBlur(style.blur))
    ink = np.asarray(mask, np.float32) * np.float32(style.weight / 255)
    if style.motion > 1:
        ink = _move(ink, style.motion)
    return np.minimum(ink, 1, out=ink)


def _scale_down_and_up(mask: PIL.Image.Image, factor: float) -> PIL.Image.Image:
    small = max(1, round(mask.width / factor)), max(1, round(mask.height / factor))
    bilinear = PIL.Image.Resampling.BILINEAR
    return mask.resize(small, bilinear).resize(mask.size, bilinear)


def _move(ink: np.ndarray, columns: float) -> np.ndarray:
    """The mean of so many columns, the last one in part."""
    whole = int(columns)
    total = ink * np.float32(columns - whole)
    padded = np.pad(ink, ((0, 0), (whole // 2 + 1, whole // 2 + 1)), mode="edge")
    for k in range(whole):
        total += padded[:, k : k + ink.shape[1]]
    return total / np.float32(columns)
