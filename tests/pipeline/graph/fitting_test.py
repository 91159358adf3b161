"""Scaling and fitting in a graph give the numbers of pipeline.imaging.fitting, to the last bit."""

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.graph.fitting import fit_for_reading, resize
from densenet_ocr.pipeline.imaging import fitting
from tests.samples import draw_levels


@tf.function(input_signature=[tf.TensorSpec([None, None], tf.uint8), *[tf.TensorSpec([], tf.int32)] * 2])
def resize_one(levels, height, width):
    return resize(levels, height, width)


class FittingTest(parameterized.TestCase, tf.test.TestCase):
    def test_equals_pillow_to_the_bit_for_any_sizes(self):
        random = np.random.default_rng(0)
        for number in range(200):
            levels = draw_levels(number, *random.integers(1, [100, 500]))
            if number % 3 == 0:
                levels = np.where(levels > 128, 255, 0).astype(np.uint8)  # overshoots at every edge
            height, width = map(int, random.integers(1, [100, 500]))
            picture = PIL.Image.fromarray(levels).resize((width, height), PIL.Image.Resampling.BICUBIC)
            self.assertAllEqual(resize_one(levels, height, width), np.asarray(picture))

    @parameterized.product(
        fit_and_width=[("exact", 280), ("resize", 280), ("resize", 0), ("pad", 280), ("pad", 0)],
        size=[(32, 280), (32, 100), (64, 250), (64, 251), (20, 173), (48, 999), (7, 41), (33, 8)],
    )
    def test_fits_as_pipeline_images_does(self, fit_and_width, size):
        fit, width = fit_and_width
        levels = draw_levels(5, *size)
        expected = fitting.fit_for_reading(levels, Geometry(32, width), fit).levels
        self.assertAllEqual(fit_for_reading(levels, Geometry(32, width), fit), expected)

    def test_widths_round_as_python_rounds(self):
        for width in range(14, 30):  # every other one is half a pixel too wide
            fitted = fit_for_reading(draw_levels(1, 64, width), Geometry(32, 0), "exact")
            self.assertAllEqual(fitted, fitting.fit_height(draw_levels(1, 64, width), 32))

    def test_a_flat_image_that_scaling_would_make_too_large_fails(self):
        thread = np.zeros([1, 40000], np.uint8)
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "too wide for a line"):
            fit_for_reading(thread, Geometry(32, 0), "pad")


if __name__ == "__main__":
    tf.test.main()
