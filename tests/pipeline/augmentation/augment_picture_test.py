"""The sheet of augmentations shows the lines that a training would see, pixel by pixel."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.augmentation import preview as augment_picture
from densenet_ocr.pipeline.augmentation.augment import augment
from densenet_ocr.pipeline.augmentation.config import OPS, AugmentConfig
from densenet_ocr.pipeline.augmentation.preview import DRAWS, draw_augmentations
from densenet_ocr.pipeline.ui.picture import MARGIN, RULE
from tests.samples import draw_levels

PITCH = 32 + MARGIN


def make_batch(count: int, width: int, widths: list[int] | None = None) -> dict:
    levels = np.stack([draw_levels(number, width=width) for number in range(count)])
    image = tf.constant(images.normalise(levels)[..., None])
    return {"image": image, "width": tf.constant(widths or [width] * count), "key": tf.constant([""] * count)}


def draw(batch: dict, **changes) -> np.ndarray:
    """The sheet as [H, W, 3]."""
    return np.asarray(draw_augmentations(batch, augmentation=AugmentConfig(**changes)))


def find_left(sheet: np.ndarray) -> int:
    """The first column of the first line: where its hairline is, and one more."""
    return int(np.argmax((sheet[2 * MARGIN] == np.array(RULE)).all(axis=-1))) + 1


def cut_line(sheet: np.ndarray, row: int, column: int, width: int, pitch: int | None = None) -> np.ndarray:
    """The grey levels of a line on the sheet."""
    top = 2 * MARGIN + 1 + row * PITCH
    left = find_left(sheet) + column * ((pitch or width) + MARGIN)
    return sheet[top : top + 32, left : left + width, 0]


class AugmentPictureTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters((), ("blur",), ("noise", "shift"), OPS)
    def test_has_a_row_for_the_lines_for_each_operation_and_for_each_draw(self, *ops):
        rows = 1 + (len(ops) + DRAWS if ops else 0)
        sheet = draw(make_batch(3, 64), ops=ops)
        self.assertEqual(sheet.shape[0], rows * PITCH - MARGIN + 2 + 4 * MARGIN)
        self.assertEqual(sheet.shape[1], find_left(sheet) + 3 * (64 + MARGIN) - MARGIN + 1 + 2 * MARGIN)

    def test_original_lines_are_above_augmented_ones(self):
        batch = make_batch(3, 64)
        sheet = draw(batch, ops=("contrast", "shift"), probability=0.3)
        for column in range(3):
            self.assertAllEqual(cut_line(sheet, 0, column, 64), draw_levels(column))
        for row, op, number in ((1, "shift", 0), (2, "contrast", 0), (3, None, 1), (8, None, 6)):
            chosen = (
                AugmentConfig(ops=(op,), probability=1.0)
                if op
                else AugmentConfig(ops=("contrast", "shift"), probability=0.3)
            )
            seen = augment(batch["image"], batch["width"], seed=tf.constant([0, number]), augmentation=chosen)
            for column, line in enumerate(images.denormalise(seen)[..., 0]):
                self.assertAllEqual(cut_line(sheet, row, column, 64), line)

    def test_padding_is_not_shown(self):
        sheet = draw(make_batch(2, 64, widths=[64, 40]))
        self.assertAllEqual(cut_line(sheet, 0, 1, 40, pitch=64), draw_levels(1)[:, :40])
        self.assertAllEqual(np.unique(sheet[2 * MARGIN + 5, find_left(sheet) + 64 + MARGIN + 41 :]), [255])

    @parameterized.parameters((64, augment_picture.COLUMNS), (280, 4), (2000, 1))
    def test_has_as_many_lines_as_find_room(self, width, count):
        sheet = draw(make_batch(10, width))
        self.assertEqual(sheet.shape[1] - find_left(sheet), count * (width + MARGIN) - MARGIN + 1 + 2 * MARGIN)

    def test_another_seed_draws_otherwise(self):
        batch, augmentation = make_batch(2, 64), AugmentConfig(ops=OPS)
        first, second = (
            np.asarray(draw_augmentations(batch, augmentation=augmentation, seed=k)) for k in (0, 1)
        )
        self.assertNotAllEqual(first, second)


if __name__ == "__main__":
    tf.test.main()
