"""Mixtures of lines of any width: shares and widths of each batch, resume, replicas, planned sizes."""

import os
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.batches import Share
from densenet_ocr.pipeline.mixtures.mixed_input import count_mixed_steps, mixed_input
from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from densenet_ocr.pipeline.mixtures.sources import parse_sources
from densenet_ocr.pipeline.mixtures.windows import plan_windows
from tests.samples import convert_any_width, draw_levels

# Widths of a data set are odd or even, so a line of a batch shows which one it is of.
REAL = [41 + 2 * (7 * k % 60) for k in range(40)]
MADE = [40 + 4 * (11 * k % 60) for k in range(90)]
SIZE = 10  # lines of a batch


def as_arrays(batches) -> list[dict[str, np.ndarray]]:
    return [{name: tensor.numpy() for name, tensor in batch.items()} for batch in batches]


class WindowsTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        root = cls.enterClassContext(tempfile.TemporaryDirectory())
        folders = []
        for name, widths in (("real", REAL), ("made", MADE)):
            os.mkdir(os.path.join(root, name))
            folders.append(convert_any_width(os.path.join(root, name), widths, image_encoding="uint8"))
        cls.mixture = load_mixture(parse_sources([folders[0], f"{folders[1]}=3"]))
        cls.other = load_mixture(parse_sources([f"{folders[0]}=0.3", f"{folders[1]}=0.2"]))

    def read(self, steps: int, **changes) -> list[dict[str, np.ndarray]]:
        settings = {
            "mixture": self.mixture,
            "split": "train",
            "batch_size": SIZE,
            "seed": 4,
            "normalised": False,
        }
        return as_arrays(mixed_input(**{**settings, **changes}).take(steps))

    def test_every_batch_keeps_the_shares_and_an_epoch_has_them_exactly(self):
        steps = count_mixed_steps(self.mixture, "train", SIZE)
        self.assertEqual(steps, 16)
        batches = self.read(steps)
        for batch in batches:
            lines = len(batch["width"])
            self.assertAlmostEqual(np.sum(batch["width"] % 2), lines / 4, delta=1)
        widths = np.concatenate([batch["width"] for batch in batches])
        self.assertLen(widths, 160)
        self.assertEqual(np.sum(widths % 2), 40)

    def test_other_shares_hold_as_well(self):
        for batch in self.read(20, mixture=self.other):
            self.assertAlmostEqual(np.sum(batch["width"] % 2), 0.6 * len(batch["width"]), delta=1)

    def test_each_line_comes_once_per_pass_as_it_is(self):
        widths, keys = [], []
        for batch in self.read(16):
            for key, width, image in zip(batch["key"], batch["width"], batch["image"], strict=True):
                number = int(key[: -len(".png")])
                self.assertAllEqual(image[:, :width, 0], draw_levels(number, width=width))
                widths.append(width)
                keys.append(number)
        self.assertEqual(sorted(width for width in widths if width % 2), sorted(REAL))
        made = [number for number, width in zip(keys, widths, strict=True) if not width % 2]
        self.assertEqual(set(np.bincount(made)), {1, 2})  # 120 of 90 lines

    def test_batches_have_similar_widths_and_about_as_many_pixels(self):
        batches = self.read(16)
        pixels = [batch["image"][..., 0].size for batch in batches]
        self.assertLess(max(pixels), 1.5 * np.mean(pixels))
        self.assertLess(min(np.max(batch["width"]) for batch in batches), 80)
        self.assertNotEqual(sorted(pixels), pixels)
        for batch in batches:  # in no order of width, as replicas get parts
            self.assertFalse(np.all(np.diff(batch["width"]) >= 0))

    @parameterized.parameters(1, 7, 16, 23, 40)
    def test_the_batches_from_a_step_are_the_tail_of_all(self, step):
        settings = {"augmentation": AugmentConfig(ops=("noise",), probability=1.0)}
        whole, tail = self.read(step + 3, **settings)[step:], self.read(3, first_step=step, **settings)
        for one, other in zip(whole, tail, strict=True):
            for name in one:
                self.assertAllEqual(one[name], other[name])

    def test_the_shares_of_processes_are_the_batch_in_order(self):
        parts = [self.read(5, share=Share(k, 2), replicas=2) for k in range(2)]
        for batch, first, second in zip(self.read(5, replicas=2), *parts, strict=True):
            self.assertAllEqual(np.concatenate([first["key"], second["key"]]), batch["key"])
            self.assertLen(first["key"], len(second["key"]))

    def test_a_batch_of_one_line_is_possible(self):
        batches = self.read(8, batch_size=1)
        self.assertEqual([len(batch["width"]) for batch in batches], [1] * 8)

    @parameterized.product(batch_size=(2, 6, 64), replicas=(1, 2))
    def test_sizes_are_multiples_of_the_replicas(self, batch_size, replicas):
        windows = plan_windows(self.mixture, "train", batch_size, replicas)
        self.assertEqual(windows.lines, windows.steps * batch_size)
        self.assertTrue(all(size > 0 and size % replicas == 0 for size in windows.sizes), windows.sizes)
        self.assertGreaterEqual(windows.bounds[-1], max(MADE))

    def test_an_epoch_has_whole_windows_or_is_shorter_than_one(self):
        for batch_size in (1, 2, 3, 8, 20, 200):
            steps = count_mixed_steps(self.mixture, "train", batch_size)
            window = plan_windows(self.mixture, "train", batch_size).steps
            self.assertTrue(steps % window == 0 or steps < window)
            self.assertBetween(steps, max(1, 0.9 * (160 // batch_size)), max(1, 160 // batch_size))


if __name__ == "__main__":
    tf.test.main()
