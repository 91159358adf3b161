"""Fits grey levels, uint8 [H, W], to the size of a data set's or a model's lines."""

from typing import NamedTuple

import numpy as np
import PIL.Image

from densenet_ocr.pipeline.errors import Refused, check_setting
from densenet_ocr.pipeline.geometry import MAX_PIXELS, Geometry

# What happens to an image of another size: refused; scaled; scaled to the height, then padded on the right.
FITS = ("exact", "resize", "pad")


class FittedLine(NamedTuple):
    """A line at a model's height.

    Attributes:
      levels: Grey levels, uint8 [H, W], possibly padded on the right.
      scale: Pixels of the image per column of `levels`.
      width: Width of the image in pixels.
    """

    levels: np.ndarray
    scale: float
    width: int


def fit_line(levels: np.ndarray, geometry: Geometry, fit: str) -> np.ndarray:
    """Fits grey levels to a data set's size.

    Args:
      levels: uint8 [H, W] of any size.
      geometry: The size of the data set's lines.
      fit: One of FITS; `pad` fills up with the median, the grey of the paper.

    Returns:
      Grey levels, uint8 [geometry.height, geometry.width, or the line's own width at that height].

    Raises:
      Refused: `wrong_size` or `too_large`.
    """
    check_size(levels.shape[1], levels.shape[0], geometry, fit)
    if fit == "exact":
        return levels
    if fit == "resize" and geometry.width:
        return _resize(levels, geometry.height, geometry.width)
    fitted = fit_height(levels, geometry.height)
    missing = max(0, geometry.width - fitted.shape[1])
    # Most of a line is paper.
    return np.pad(fitted, ((0, 0), (0, missing)), constant_values=int(np.median(fitted)))


def fit_height(levels: np.ndarray, height: int) -> np.ndarray:
    """Scales grey levels, uint8 [H, W], to a height, keeping the aspect ratio; raises Refused (`too_large`)."""
    width = _width_at(height, levels.shape[1], levels.shape[0])
    check_pixels(width, height)
    return _resize(levels, height, width)


def fit_for_reading(levels: np.ndarray, geometry: Geometry, fit: str) -> FittedLine:
    """Fits grey levels for a model, as the lines were fitted that it was trained on.

    A longer line keeps its length, unless training scaled all lines to one width.

    Args:
      levels: uint8 [H, W] of any size.
      geometry: The size of the training lines.
      fit: How they were fitted, one of FITS; `exact` scales to the height.

    Returns:
      The line at the model's height.

    Raises:
      Refused: `wrong_size` for a line too narrow for a frame, `too_large`.
    """
    if fit == "resize" and geometry.width:
        fitted = scaled = fit_line(levels, geometry, fit)
    else:
        fitted = scaled = fit_height(levels, geometry.height)
        if fit == "pad" and fitted.shape[1] < geometry.width:
            fitted = fit_line(fitted, geometry, fit)
    if fitted.shape[1] < geometry.least_width:
        least = f"{geometry.least_width} make a frame"
        raise Refused("wrong_size", f"{fitted.shape[1]} pixels wide at the model's height, {least}")
    width = levels.shape[1]
    return FittedLine(fitted, width / scaled.shape[1], width)


def check_fit(fit: str) -> None:
    """Raises UserError unless a fit is one of FITS."""
    check_setting("fit", fit, fit in FITS, ", ".join(FITS))


def check_size(width: int, height: int, geometry: Geometry, fit: str) -> None:
    """Raises Refused for an image, of these pixels, that does not fit the geometry."""
    if fit == "exact":
        if height != geometry.height or geometry.width not in (0, width):
            raise Refused("wrong_size", f"{width}x{height} pixels, the data set's are {geometry}")
        return
    natural = _width_at(geometry.height, width, height)
    check_pixels(natural, geometry.height)
    if fit == "pad" and geometry.width and natural > geometry.width:
        raise Refused(
            "wrong_size", f"{natural} pixels wide at height {geometry.height}, the data set's are {geometry}"
        )


def check_pixels(width: int, height: int) -> None:
    """Raises Refused (`too_large`) for an image, of this size in pixels, that is larger than any line."""
    if width * height > MAX_PIXELS:
        raise Refused("too_large", f"{width}x{height} pixels, a line has {MAX_PIXELS:,} at most")


def _width_at(height: int, width: int, from_height: int) -> int:
    return max(1, round(width * height / from_height))


def _resize(levels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scales uint8 [H, W] to uint8 [height, width] by Pillow's BICUBIC."""
    if levels.shape == (height, width):
        return levels
    return np.asarray(PIL.Image.fromarray(levels).resize((width, height), PIL.Image.Resampling.BICUBIC))
