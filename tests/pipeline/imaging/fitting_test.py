"""Fitting lines to the size of a data set or a model."""

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.imaging import fitting
from tests.pipeline.imaging.image_case import ANY_WIDTH, LINES, ImageTest
from tests.samples import draw_levels, encode_image


class FitTest(ImageTest):
    def fit(self, levels: np.ndarray, geometry: Geometry, fit: str) -> np.ndarray:
        """What becomes of an image file, which is what becomes of its grey levels."""
        fitted = images.decode_line(encode_image(levels), geometry, fit)
        self.assertAllEqual(fitting.fit_line(levels, geometry, fit), fitted)
        self.assertEqual(fitted.dtype, np.uint8)
        return fitted

    def assert_unfit(self, reason: str, detail: str, levels: np.ndarray, geometry: Geometry, fit: str):
        self.assert_refused(reason, detail, images.decode_line, encode_image(levels), geometry, fit)
        self.assert_refused(reason, detail, fitting.fit_line, levels, geometry, fit)

    @parameterized.product(fit=fitting.FITS, geometry=[LINES, ANY_WIDTH])
    def test_an_image_of_the_right_size_keeps_every_level(self, fit, geometry):
        self.assertAllEqual(self.fit(draw_levels(1, 32, 280), geometry, fit), draw_levels(1, 32, 280))

    @parameterized.parameters((32, 64), (64, 280), (280, 32))
    def test_exact_refuses_another_size(self, height, width):
        detail = f"^{width}x{height} pixels, the data set's are 280x32$"
        self.assert_unfit("wrong_size", detail, draw_levels(1, height, width), LINES, "exact")

    def test_exact_accepts_any_width_where_the_data_set_has_none(self):
        self.assertAllEqual(self.fit(draw_levels(1, 32, 9), ANY_WIDTH, "exact"), draw_levels(1, 32, 9))
        detail = "^64x31 pixels, the data set's are 32 high, any width$"
        self.assert_unfit("wrong_size", detail, draw_levels(1, 31, 64), ANY_WIDTH, "exact")

    @parameterized.parameters((64, 280), (16, 1000), (32, 279), (1, 2), (100_000, 1))
    def test_resize_scales_to_height_and_width(self, height, width):
        self.assertEqual(self.fit(draw_levels(1, height, width), LINES, "resize").shape, (32, 280))

    def test_resize_scales_as_pillow_does(self):
        scaled = PIL.Image.fromarray(draw_levels(1, 50, 90)).resize((280, 32), PIL.Image.Resampling.BICUBIC)
        self.assertAllEqual(self.fit(draw_levels(1, 50, 90), LINES, "resize"), scaled)

    @parameterized.product(fit=["resize", "pad"], size=[(64, 100, 50), (16, 200, 400), (100, 1, 1)])
    def test_without_a_width_a_line_keeps_its_aspect(self, fit, size):
        height, width, fitted = size
        levels = draw_levels(1, height, width)
        self.assertEqual(self.fit(levels, ANY_WIDTH, fit).shape, (32, fitted))
        self.assertAllEqual(self.fit(levels, ANY_WIDTH, fit), fitting.fit_height(levels, 32))

    @parameterized.parameters((32, 100), (64, 200), (20, 60))
    def test_pad_fills_up_with_paper_on_the_right(self, height, width):
        levels = np.full((height, width), 231, np.uint8)
        levels[height // 4 : height // 2, 3 : width // 3] = 12
        padded, scaled = self.fit(levels, LINES, "pad"), fitting.fit_height(levels, 32)
        self.assertEqual(padded.shape, (32, 280))
        self.assertAllEqual(padded[:, : scaled.shape[1]], scaled)
        self.assertAllEqual(padded[:, scaled.shape[1] :], np.full((32, 280 - scaled.shape[1]), 231))

    def test_pad_refuses_what_is_wider_than_the_data_set(self):
        detail = "^300 pixels wide at height 32, the data set's are 280x32$"
        self.assert_unfit("wrong_size", detail, draw_levels(1, 64, 600), LINES, "pad")

    @parameterized.product(fit=["resize", "pad"], geometry=[LINES, ANY_WIDTH])
    def test_refuses_a_flat_image_that_scaling_would_make_too_large(self, fit, geometry):
        thread = np.zeros((1, 2_000_000), np.uint8)
        self.assert_unfit(
            "too_large", "^64000000x32 pixels, a line has 33,554,432 at most$", thread, geometry, fit
        )

    @parameterized.parameters(("resize", LINES, 280), ("pad", LINES, 280), ("pad", ANY_WIDTH, 1))
    def test_a_very_tall_image_is_scaled_down(self, fit, geometry, width):
        thread = np.full((2_000_000, 1), 77, np.uint8)
        self.assertAllEqual(fitting.fit_line(thread, geometry, fit), np.full((32, width), 77))

    @parameterized.parameters("exact", "pad")
    def test_a_size_is_refused_before_pixels_are_decoded(self, fit):
        cut = encode_image(draw_levels(1, 64, 600))[:-900]
        self.assert_refused("wrong_size", "600x64|300 pixels", images.decode_line, cut, LINES, fit)


class FitHeightTest(parameterized.TestCase, tf.test.TestCase):
    def test_leaves_the_right_height_untouched(self):
        levels = draw_levels(1, 32, 64)
        self.assertAllEqual(fitting.fit_height(levels, 32), draw_levels(1, 32, 64))

    @parameterized.parameters((64, 100, 50), (16, 100, 200), (48, 10, 7), (100, 1, 1), (31, 280, 289))
    def test_keeps_the_aspect(self, height, width, fitted):
        levels = fitting.fit_height(draw_levels(1, height, width), 32)
        self.assertEqual((levels.dtype, levels.shape), (np.uint8, (32, fitted)))

    def test_a_plain_picture_stays_plain(self):
        self.assertAllEqual(fitting.fit_height(np.full((50, 70), 93, np.uint8), 32), np.full((32, 45), 93))


if __name__ == "__main__":
    tf.test.main()
