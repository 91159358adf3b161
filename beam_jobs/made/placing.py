"""Where a text's ink lies on its line: one transform for size, stretch, slope, slant and perspective."""

from typing import NamedTuple

import numpy as np
import PIL.Image

from beam_jobs.made.looks import Look
from pipeline.images import Geometry

# The height of the lines that looks are told in.
_TOLD_HEIGHT = Geometry.height

_RIM = 2


class Place(NamedTuple):
    """The line's width, and the corners of the ink: float [4, 2] of (x, y), clockwise from the upper left."""

    width: int
    corners: np.ndarray


def find_place(size: tuple[int, int], look: Look, geometry: Geometry) -> Place:
    """Where ink of `size` (width, height; its own aspect) goes in a line of a geometry."""
    scale = geometry.height / _TOLD_HEIGHT
    total = min(look.ink_height * scale, geometry.height)
    top = min(look.top_margin * scale, geometry.height - total)
    left, right = look.left_margin * scale, look.right_margin * scale
    whole = geometry.width or size[0] * total / size[1]
    height, width = total, 0.0
    for _ in range(3):
        lean = abs(look.slant) * height
        width = size[0] * height / size[1] * look.stretch
        if geometry.width:
            width = min(width, geometry.width - left - right - lean)
        fall = look.slope * scale * width / whole
        # The rows that a line falls are rows that its letters cannot have, and smaller ones fall less.
        height = max(total - abs(fall), total / 2)
    fall = np.clip(fall, height - total, total - height)
    start = top + max(0.0, -fall)
    ends = np.array([start, start + fall])
    heights = height * np.minimum(1.0, 1 + np.array([-look.taper, look.taper]) / 2)
    ends += (height - heights) / 2
    lean_top, lean_bottom = max(look.slant, 0) * height, max(-look.slant, 0) * height
    corners = np.array(
        [
            (left + lean_top, ends[0]),
            (left + width + lean_top, ends[1]),
            (left + width + lean_bottom, ends[1] + heights[1]),
            (left + lean_bottom, ends[0] + heights[0]),
        ]
    )
    return Place(geometry.width or max(7, round(left + width + lean + right)), corners)


def place_ink(mask: np.ndarray, place: Place, height: int) -> PIL.Image.Image:
    """The mask put there, on a line without any other ink."""
    # An empty rim: a pixel is looked up between its neighbours, and ink ends somewhere between two.
    left, right, bottom = _RIM, _RIM + mask.shape[1], _RIM + mask.shape[0]
    padded = np.zeros((bottom + _RIM, right + _RIM), np.uint8)
    padded[left:bottom, left:right] = mask
    sources = np.array([(left, left), (right, left), (right, bottom), (left, bottom)], np.float64)
    return PIL.Image.fromarray(padded).transform(
        (place.width, height),
        PIL.Image.Transform.PERSPECTIVE,
        _find_perspective(place.corners, sources),
        PIL.Image.Resampling.BILINEAR,
    )


def _find_perspective(corners: np.ndarray, sources: np.ndarray) -> tuple[float, ...]:
    """The eight numbers by which Pillow finds a pixel's source: (ax + by + c) / (gx + hy + 1), and so on."""
    (x, y), (u, v) = corners.T, sources.T
    matrix = np.zeros((8, 8))
    matrix[:4, 0] = matrix[4:, 3] = x
    matrix[:4, 1] = matrix[4:, 4] = y
    matrix[:4, 2] = matrix[4:, 5] = 1
    matrix[:4, 6], matrix[:4, 7] = -u * x, -u * y
    matrix[4:, 6], matrix[4:, 7] = -v * x, -v * y
    return tuple(np.linalg.solve(matrix, np.concatenate([u, v])).tolist())
