"""Layout of the ink on a line: one transform for size, stretch, slope, slant and perspective."""

from typing import NamedTuple

import numpy as np
import PIL.Image

from densenet_ocr.beam_jobs.synthesis.rendering.style import Style
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.geometry import Geometry

# Height of the lines that a style's pixels refer to.
_STYLE_HEIGHT = Geometry.height

# Empty pixels around a mask: the transform interpolates between neighbours.
_RIM = 2

_MOST_COLUMNS = 65_500  # libjpeg's JPEG_MAX_DIMENSION

Corners = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]


class Layout(NamedTuple):
    """The line's width, and the corners of the ink as (x, y), clockwise from the upper left, in pixels."""

    width: int
    corners: Corners


class _Box(NamedTuple):
    """Size of the ink, the rows that it falls from left to right, and the columns that it leans, in pixels."""

    width: float
    height: float
    fall: float
    lean: float


def lay_out(size: tuple[int, int], style: Style, geometry: Geometry) -> Layout:
    """Returns where the ink lies on a line.

    Args:
      size: Width and height of the ink mask, in its own aspect ratio.
      style: Style of the line, in pixels of a line 32 pixels high.
      geometry: Size of the line image; width 0 makes it as wide as its text.

    Raises:
      Refused: the line is wider than a JPEG file can be.
    """
    scale = geometry.height / _STYLE_HEIGHT
    rows = min(style.ink_height * scale, geometry.height)
    top = min(style.top_margin * scale, geometry.height - rows)
    left, right = style.left_margin * scale, style.right_margin * scale
    box = _fit_box(size, style, geometry, rows, scale)
    columns = geometry.width or max(7, round(left + box.width + box.lean + right))
    if columns > _MOST_COLUMNS:
        raise Refused("too_large", f"{columns:,} pixels wide, a JPEG file has {_MOST_COLUMNS:,} at most")
    return Layout(columns, _find_corners(box, style, left, top))


def _fit_box(size: tuple[int, int], style: Style, geometry: Geometry, rows: float, scale: float) -> _Box:
    """The largest box of the style's aspect ratio in so many rows, and in the line's width."""
    margins = (style.left_margin * scale, style.right_margin * scale)
    full_width = geometry.width or size[0] * rows / size[1]
    height, width, fall, lean = rows, 0.0, 0.0, 0.0
    # The rows that a line falls are lost to its letters, and smaller letters fall less: three steps converge.
    for _ in range(3):
        lean = abs(style.slant) * height
        width = size[0] * height / size[1] * style.stretch
        if geometry.width:
            width = max(1.0, min(width, geometry.width - margins[0] - margins[1] - lean))
        fall = style.slope * scale * width / full_width
        height = max(rows - abs(fall), rows / 2)
    return _Box(width, height, min(max(fall, height - rows), rows - height), lean)


def _find_corners(box: _Box, style: Style, left: float, top: float) -> Corners:
    """The corners of a box with the style's taper and slant."""
    heights = [box.height * min(1.0, 1 + taper / 2) for taper in (-style.taper, style.taper)]
    start = top + max(0.0, -box.fall)
    tops = [start + (box.height - heights[0]) / 2, start + box.fall + (box.height - heights[1]) / 2]
    above, below = (left + box.lean, left) if style.slant > 0 else (left, left + box.lean)
    return (
        (above, tops[0]),
        (above + box.width, tops[1]),
        (below + box.width, tops[1] + heights[1]),
        (below, tops[0] + heights[0]),
    )


def warp(mask: np.ndarray, layout: Layout, height: int) -> PIL.Image.Image:
    """Returns an ink mask (uint8 [h, w]) moved to its corners, as a grey image of the line's size."""
    rows, columns = mask.shape
    padded = np.pad(mask, _RIM)
    return PIL.Image.fromarray(padded).transform(
        (layout.width, height),
        PIL.Image.Transform.PERSPECTIVE,
        _find_perspective(layout.corners, columns, rows),
        PIL.Image.Resampling.BILINEAR,
    )


def _find_perspective(corners: Corners, columns: int, rows: int) -> tuple[float, ...]:
    """The eight numbers by which Pillow finds a pixel's source: (ax + by + c) / (gx + hy + 1), and so on.

    The mapping of the unit square to the corners (P. Heckbert, "Fundamentals of texture mapping and image
    warping", 1989, section 2.2.3), inverted by its adjugate matrix, to the mask within its rim.
    """
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    dx1, dy1, dx2, dy2 = x1 - x2, y1 - y2, x3 - x2, y3 - y2
    sx, sy, area = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3, dx1 * dy2 - dx2 * dy1
    g, h = (sx * dy2 - dx2 * sy) / area, (dx1 * sy - sx * dy1) / area
    a, b, c = x1 - x0 + g * x1, x3 - x0 + h * x3, x0
    d, e, f = y1 - y0 + g * y1, y3 - y0 + h * y3, y0
    across = (e - f * h, c * h - b, b * f - c * e)
    down = (f * g - d, a - c * g, c * d - a * f)
    over = (d * h - e * g, b * g - a * h, a * e - b * d)
    u = [columns * k + _RIM * o for k, o in zip(across, over, strict=True)]
    v = [rows * k + _RIM * o for k, o in zip(down, over, strict=True)]
    return tuple(k / over[2] for k in (*u, *v, *over[:2]))
