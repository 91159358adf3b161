"""Lines without contrast are refused for a data set."""

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from tests.pipeline.imaging.image_case import DEEP, LINES, ImageTest, save
from tests.samples import encode_image


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


if __name__ == "__main__":
    tf.test.main()
