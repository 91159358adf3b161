"""Where a text's ink lies on its line: one transform for size, stretch, slope, slant and perspective."""

from typing import NamedTuple

import numpy as np
import PIL.Image

from densenet_ocr.beam_jobs.synthesis.rendering.style import Style
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.images import Geometry

# The height of the lines that looks are told in.
_TOLD_HEIGHT = Geometry.height

_RIM = 2

_MOST_COLUMNS = 65_500  # libjpeg's JPEG_MAX_DIMENSION


class Place(NamedTuple):
    """The line's width, and the corners of the ink as (x, y), clockwise from the upper left."""

    width: int
    corners: tuple[tuple[float, float], ...]


def find_place(size: tuple[int, int], style: Style, geometry: Geometry) -> Place:
    """Where ink of `size` (width, height; its own aspect) goes in a line of a geometry; raises Refused.

    A JPEG file has no more than _MOST_COLUMNS.
    """
    scale = geometry.height / _TOLD_HEIGHT
    total = min(style.ink_height * scale, geometry.height)
    top = min(style.top_margin * scale, geometry.height - total)
    left, right = style.left_margin * scale, style.right_margin * scale
    whole = geometry.width or size[0] * total / size[1]
    height, width, fall, lean = total, 0.0, 0.0, 0.0
    for _ in range(3):
        lean = abs(style.slant) * height
        width = size[0] * height / size[1] * style.stretch
        if geometry.width:
            width = max(1.0, min(width, geometry.width - left - right - lean))
        fall = style.slope * scale * width / whole
        # The rows that a line falls are rows that its letters cannot have, and smaller ones fall less.
        height = max(total - abs(fall), total / 2)
    fall = min(max(fall, height - total), total - height)
    heights = [height * min(1.0, 1 + taper / 2) for taper in (-style.taper, style.taper)]
    start = top + max(0.0, -fall)
    tops = [start + (height - heights[0]) / 2, start + fall + (height - heights[1]) / 2]
    above, below = (left + lean, left) if style.slant > 0 else (left, left + lean)
    corners = (
        (above, tops[0]),
        (above + width, tops[1]),
        (below + width, tops[1] + heights[1]),
        (below, tops[0] + heights[0]),
    )
    columns = geometry.width or max(7, round(left + width + lean + right))
    if columns > _MOST_COLUMNS:
        raise Refused("too_large", f"{columns:,} pixels wide, a JPEG file has {_MOST_COLUMNS:,} at most")
    return Place(columns, corners)


def place_ink(mask: np.ndarray, place: Place, height: int) -> PIL.Image.Image:
    """The mask put there, on a line without any other ink."""
    rows, columns = mask.shape
    # An empty rim: a pixel is looked up between its neighbours, and ink ends somewhere between two.
    padded = np.zeros((rows + 2 * _RIM, columns + 2 * _RIM), np.uint8)
    padded[_RIM : _RIM + rows, _RIM : _RIM + columns] = mask
    return PIL.Image.fromarray(padded).transform(
        (place.width, height),
        PIL.Image.Transform.PERSPECTIVE,
        _find_perspective(place.corners, columns, rows),
        PIL.Image.Resampling.BILINEAR,
    )


def _find_perspective(corners, columns: int, rows: int) -> tuple[float, ...]:
    """The eight numbers by which Pillow finds a pixel's source: (ax + by + c) / (gx + hy + 1), and so on.

    The mapping of the unit square to the corners (P. Heckbert, "Fundamentals of texture mapping and image
    warping", 1989, section 2.2.3), turned round by its adjugate matrix, to the mask within its rim.
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
