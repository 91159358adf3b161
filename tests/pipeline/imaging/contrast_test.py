"""Lines without contrast are refused for a data set; lines light on dark are found and inverted."""

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.graph import contrast
from densenet_ocr.pipeline.graph import images as graph_images
from densenet_ocr.pipeline.imaging import fitting
from densenet_ocr.pipeline.imaging.contrast import INVERT, check_invert, is_light_on_dark, make_dark_on_light
from tests.pipeline.imaging.image_case import DEEP, LINES, ImageTest, save
from tests.samples import draw_levels, encode_image


def draw_bars(*, margin: int = 3, paper: int = 220, ink: int = 40, width: int = 64) -> np.ndarray:
    """Upright bars on paper with grain, uint8 [32, width]; without a margin cut tightly around them."""
    levels = np.random.default_rng(0).integers(paper - 5, paper + 6, (32, width))
    for left in range(margin, width - margin, 12):
        levels[margin : 32 - margin, left : left + 3] = ink
    return levels.astype(np.uint8)


class ContrastTest(ImageTest):
    @parameterized.parameters(0, 93, 255)
    def test_a_line_without_contrast_is_refused_for_a_data_set_but_can_be_read(self, grey):
        noise = np.random.default_rng(0).integers(-2, 3, (32, 280))
        levels = np.clip(grey + noise, 0, 255).astype(np.uint8)
        data = encode_image(levels)
        detail = "^all grey levels lie from [0-9]+ to [0-9]+, of 0 to 255$"
        self.assert_refused("no_contrast", detail, images.decode_line, data, LINES, "exact")
        self.assertAllEqual(images.decode(data), levels)

    def test_a_faint_full_stop_has_contrast(self):
        levels = np.full((32, 280), 255, np.uint8)
        levels[24:27, 8:10] = 235
        self.assertAllEqual(images.decode_line(encode_image(levels), LINES, "exact"), levels)

    def test_specks_are_no_text(self):
        levels = np.full((32, 280), 255, np.uint8)
        levels[10, [3, 40, 80, 200]] = 0
        self.assert_refused(
            "no_contrast", "from 255 to 255", images.decode_line, encode_image(levels), LINES, "exact"
        )

    @parameterized.product(bits=[10, 12], kind=["PNG", "TIFF"])
    def test_grey_of_fewer_bits_in_the_low_bits_of_16_is_refused(self, bits, kind):
        picture = PIL.Image.fromarray(DEEP >> (16 - bits))
        detail = f"^grey of {bits} bits in the low bits of 16; scale it to 16 bits$"
        self.assert_refused("no_contrast", detail, images.decode, save(picture, kind))


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
