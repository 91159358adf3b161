"""Degrades ink as cameras and scanners do: low resolution, Gaussian blur and motion blur."""

import numpy as np
import PIL.Image
import PIL.ImageFilter

from densenet_ocr.beam_jobs.synthesis.rendering.style import Style


def degrade(mask: PIL.Image.Image, style: Style) -> np.ndarray:
    """Returns the ink's coverage of each pixel, float32 [H, W] from 0 to 1, of a grey ink mask."""
    if style.coarse > 1:
        mask = _scale_down_and_up(mask, style.coarse)
    if style.blur > 0:
        mask = mask.filter(PIL.ImageFilter.GaussianBlur(style.blur))
    ink = np.asarray(mask, np.float32) * np.float32(style.weight / 255)
    if style.motion > 1:
        ink = _blur_motion(ink, style.motion)
    return np.minimum(ink, 1, out=ink)


def _scale_down_and_up(mask: PIL.Image.Image, factor: float) -> PIL.Image.Image:
    small = max(1, round(mask.width / factor)), max(1, round(mask.height / factor))
    bilinear = PIL.Image.Resampling.BILINEAR
    return mask.resize(small, bilinear).resize(mask.size, bilinear)


def _blur_motion(ink: np.ndarray, columns: float) -> np.ndarray:
    """Means of so many columns (float32 [H, W]), the last one in part."""
    whole = int(columns)
    total = ink * np.float32(columns - whole)
    padded = np.pad(ink, ((0, 0), (whole // 2 + 1, whole // 2 + 1)), mode="edge")
    for k in range(whole):
        total += padded[:, k : k + ink.shape[1]]
    return total / np.float32(columns)
