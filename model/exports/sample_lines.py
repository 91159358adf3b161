"""Lines that an export is made with: drawn ones, which no user's data are part of, or those of a data set."""

import numpy as np
import PIL.Image
import PIL.ImageDraw

from densenet_ocr.model.reading.evaluation import check_height
from densenet_ocr.pipeline.dataset import read_first_lines
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.geometry import Geometry

# Width of a drawn line, in heights, if the data set has any width; strokes per height of width.
_HEIGHTS, _STROKES = 9, 3

# Widths of test lines, in heights: short, long, odd, several remainders modulo 8.
_CHECKED = (0.5, 1, 2.53, 8.75, 17.1)


def draw_golden_line(geometry: Geometry) -> np.ndarray:
    """Returns a line of strokes, uint8 [H, W]; a function of the geometry."""
    return draw_strokes(geometry.height, geometry.width or _HEIGHTS * geometry.height, seed=0)


def draw_test_lines(geometry: Geometry) -> list[np.ndarray]:
    """Returns lines of several widths, uint8 [H, W] each."""
    height = geometry.height
    widths = {max(7, round(heights * height)) for heights in _CHECKED} | ({geometry.width} - {0})
    return [draw_strokes(height, width, seed=width) for width in sorted(widths)]


def draw_strokes(height: int, width: int, *, seed: int) -> np.ndarray:
    """Returns dark strokes on a light ground, with noise, uint8 [height, width]; deterministic."""
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


def read_representative_data(folder: str, model: DatasetInfo, *, split: str, count: int) -> list[np.ndarray]:
    """Reads the first lines of a split, which show int8 quantisation the ranges of activations.

    Args:
      folder: The data set.
      model: Description of the model's lines.
      split: Name of the split.
      count: Number of lines.

    Returns:
      The lines' grey levels, uint8 [H, W] each.

    Raises:
      UserError: the data set has lines of another height than the model.
    """
    info = load_dataset_info(folder)
    check_height(model, info, folder)
    return [record.levels for record in read_first_lines(folder=folder, info=info, split=split, count=count)]
