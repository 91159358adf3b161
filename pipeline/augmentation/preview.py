"""A picture of augmentation: lines as they are, after each operation alone, and after all together."""

import dataclasses

import numpy as np
import PIL.Image
import tensorflow as tf

from densenet_ocr.pipeline import images, schema
from densenet_ocr.pipeline.augmentation.augment import augment
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.mixtures.mixed_input import mixed_input
from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from densenet_ocr.pipeline.mixtures.sources import Data
from densenet_ocr.pipeline.tfrecord.shards import reading_errors
from densenet_ocr.pipeline.ui.picture import GREY, INK, MARGIN, Typeface, frame, new_sheet, paste_line, save_png

# Pixels and number of lines side by side, at most; a wider line is alone.
WIDTH, COLUMNS = 1200, 8

# Rows of random draws.
DRAWS = 6

_TEXT_SIZE = 13


def save_preview(
    path: str,
    *,
    data: Data,
    split: str,
    seed: int,
    augmentation: AugmentConfig,
    cache: str | None = None,
) -> None:
    """Writes a PNG of the first lines that training with this seed reads from a split, augmented.

    Args:
      path: The PNG file.
      data: Folder of the data set, or the data sets of a mixture.
      split: Name of the split.
      seed: Seed of the shuffle and the augmentation.
      augmentation: Operations, their probability and strength.
      cache: Local folder for copies of remote shards, see training_input.
    """
    mixture = load_mixture(data)
    batches = mixed_input(mixture=mixture, split=split, batch_size=COLUMNS, seed=seed, cache=cache)
    with reading_errors():
        batch = next(iter(batches))
    save_png(draw_augmentations(batch, augmentation=augmentation, seed=seed), path)


def draw_augmentations(
    batch: dict[str, tf.Tensor], *, augmentation: AugmentConfig, seed: int = 0
) -> PIL.Image.Image:
    """Draws the first lines of a batch.

    Args:
      batch: A batch of the training input: `image` float32 [B, H, W, 1], `width` int32 [B], and `weight`
        float32 [B] if it has filler rows.
      augmentation: Operations, their probability and strength.
      seed: Seed of the augmentation.

    Returns:
      A picture with a row of the lines as they are, a row for each operation alone, applied to every line, and
      six rows as in training.
    """
    lines = int(tf.reduce_sum(batch[schema.WEIGHT])) if schema.WEIGHT in batch else len(batch[schema.WIDTH])
    count = min(COLUMNS, max(1, WIDTH // (batch[schema.IMAGE].shape[2] + MARGIN)), lines)
    image, width = batch[schema.IMAGE][:count], batch[schema.WIDTH][:count]
    rows = [("as it is", image)]
    with tf.device("CPU:0"):  # where the input of training runs
        for label, chosen, number in _list_rows(augmentation):
            rows.append((label, augment(image, width, seed=tf.constant([seed, number]), augmentation=chosen)))
    return frame(_draw_rows(rows, np.asarray(width)))


def _list_rows(augmentation: AugmentConfig) -> list[tuple[str, AugmentConfig, int]]:
    """Returns label, augmentation and second seed of each row below the first."""
    if not augmentation.ops:
        return []
    alone = [
        (f"{op} alone", dataclasses.replace(augmentation, ops=(op,), probability=1.0), 0)
        for op in augmentation.ops
    ]
    return alone + [(f"draw {number}", augmentation, number) for number in range(1, DRAWS + 1)]


def _draw_rows(rows: list[tuple[str, tf.Tensor]], widths: np.ndarray) -> PIL.Image.Image:
    """Draws labels on the left and each row's lines, float32 [B, H, W, 1], beside them, without padding."""
    face = Typeface(_TEXT_SIZE)
    left = max(face.measure(label) for label, _ in rows) + 2 * MARGIN
    count, height, width = rows[0][1].shape[:3]
    pitch = max(height, _TEXT_SIZE) + MARGIN
    sheet = new_sheet(left + count * (width + MARGIN) - MARGIN + 1, len(rows) * pitch - MARGIN + 2)
    for number, (label, lines) in enumerate(rows):
        top = number * pitch + 1
        baseline = top + height // 2 + round(0.35 * face.size)  # capitals are about 0.7 of a font's size high
        face.draw(sheet, (0, baseline), label, GREY if number else INK)
        for column, line in enumerate(images.denormalise(lines)):
            paste_line(sheet, (left + column * (width + MARGIN), top), line[:, : widths[column], 0])
    return sheet
