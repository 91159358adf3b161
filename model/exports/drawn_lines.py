"""Lines that an export is checked with: drawn, so that none of anyone's data travels with a model."""

import numpy as np
import PIL.Image
import PIL.ImageDraw

from densenet_ocr.pipeline.images import Geometry

# Width of a drawn line where a data set has none, in heights; and strokes in a height's width, or a character.
_HEIGHTS, _STROKES = 9, 3

# Widths of the lines that a new export is compared on, in heights: short, long, odd, several remainders by 8.
_CHECKED = (0.5, 1, 2.53, 8.75, 17.1)


def draw_golden_line(geometry: Geometry) -> np.ndarray:
    """A line of ink-like strokes on paper, uint8 [H, W]; always the same for a geometry."""
    return draw_strokes(geometry.height, geometry.width or _HEIGHTS * geometry.height, seed=0)


def draw_test_lines(geometry: Geometry) -> list[np.ndarray]:
    """Lines of several widths, uint8 [H, W]."""
    height = geometry.height
    widths = {max(7, round(heights * height)) for heights in _CHECKED} | ({geometry.width} - {0})
    return [draw_strokes(height, width, seed=width) for width in sorted(widths)]


def draw_strokes(height: int, width: int, *, seed: int) -> np.ndarray:
    """Dark strokes on light paper, with noise, uint8 [height, width]: a function of its arguments."""
    random = np.random.default_rng(seed)
    picture = PIL.Image.new("L", (width, height), int(random.integers(180, 256)))
    draw = PIL.ImageDraw.Draw(picture)
    for _ in range(max(2, _STROKES * width // height)):
        x, y = random.uniform(0, width), random.uniform(0, height)
        reach = random.uniform(-0.6, 0.6, 2) * height
        ink, pen = int(random.integers(0, 90)), max(1, height // 12)
        draw.line([x, y, x + reach[0], y + reach[1]], fill=ink, width=pen)
    noise = random.normal(0, 6, (height, width))
    return np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)
