"""Lines light on dark, found by their border and inverted."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.graph import contrast
from densenet_ocr.pipeline.graph import images as graph_images
from densenet_ocr.pipeline.imaging import fitting
from densenet_ocr.pipeline.imaging.polarity import INVERT, check_invert, is_light_on_dark, make_dark_on_light
from tests.samples import draw_levels, encode_image


def draw_bars(*, margin: int = 3, paper: int = 220, ink: int = 40, width: int = 64) -> np.ndarray:
    """Upright bars on paper with grain, uint8 [32, width]; without a margin cut tightly around them."""
    levels = np.random.default_rng(0).integers(paper - 5, paper + 6, (32, width))
    for left in range(margin, width - margin, 12):
        levels[margin : 32 - margin, left : left + 3] = ink
    return levels.astype(np.uint8)


class PolarityTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.product(margin=[0, 1, 3], paper_and_ink=[(220, 40), (240, 215), (90, 10)])
    def test_a_line_and_its_inverse_are_told_apart(self, margin, paper_and_ink):
        levels = draw_bars(margin=margin, paper=paper_and_ink[0], ink=paper_and_ink[1])
        self.assertFalse(is_light_on_dark(levels))
        self.assertTrue(is_light_on_dark(255 - levels))

    def test_never_auto_and_always(self):
        dark, light = draw_bars(), 255 - draw_bars()
        inverted = {name: [make_dark_on_light(levels, name) for levels in (dark, light)] for name in INVERT}
        self.assertAllEqual(inverted["never"], [dark, light])
        self.assertAllEqual(inverted["auto"], [dark, dark])
        self.assertAllEqual(inverted["always"], [light, dark])

    @parameterized.parameters(0, 128, 250)
    def test_a_blank_page_is_not_inverted(self, grey):
        levels = np.random.default_rng(0).integers(grey, grey + 4, (32, 64)).astype(np.uint8)
        self.assertFalse(is_light_on_dark(levels))

    def test_another_setting_is_refused(self):
        with self.assertRaisesRegex(UserError, "invert: received 'maybe', .*never, auto, always.*--invert"):
            check_invert("maybe")

    def test_a_line_is_inverted_before_it_is_fitted(self):
        levels = 255 - draw_bars(width=40)
        fitted = images.decode_line(encode_image(levels), Geometry(32, 64), "pad", "auto")
        self.assertAllEqual(fitted, fitting.fit_line(255 - levels, Geometry(32, 64), "pad"))

    def test_the_graph_decides_alike(self):
        random, find = np.random.default_rng(0), tf.function(contrast.is_light_on_dark, reduce_retracing=True)
        for number in range(100):
            levels = draw_levels(number, *random.integers(1, 40, 2))
            levels = (levels // random.integers(1, 30) + random.integers(0, 9)).astype(np.uint8)
            self.assertEqual(bool(find(levels)), is_light_on_dark(levels))

    @parameterized.parameters(*INVERT)
    def test_the_graph_inverts_as_pillow_does(self, invert):
        lines = [draw_bars(), 255 - draw_bars(), draw_bars(width=40), 255 - draw_bars(width=40)]
        data = tf.constant([encode_image(levels) for levels in lines])
        levels, _ = graph_images.decode_batch(data, Geometry(32, 64), "pad", invert)
        for number, line in enumerate(lines):
            expected = fitting.fit_for_reading(make_dark_on_light(line, invert), Geometry(32, 64), "pad")
            self.assertAllEqual(levels[number], expected.levels)


if __name__ == "__main__":
    tf.test.main()
