"""Damaged files, files that are no images, and images that are too large are refused."""

import random

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.images import FORMATS
from densenet_ocr.pipeline.imaging import fitting
from tests.pipeline.imaging.image_case import LINES, MAY_WARN, ImageTest, draw_picture, make_png, save
from tests.samples import draw_levels, encode_image


class DamageTest(ImageTest):
    @parameterized.named_parameters(
        ("a_truncated_png", encode_image(draw_levels(1))[:-900], "truncated"),
        ("a_truncated_jpeg", save(draw_picture("RGB"), "JPEG")[:-200], "truncated"),
        ("a_truncated_webp", save(draw_picture("RGB"), "WEBP", lossless=True)[:-200], "."),
        ("an_empty_file", b"", "^the file is empty$"),
        (
            "text",
            b"no image at all",
            "^15 bytes of no image format that is read here .JPEG, PNG, BMP, GIF, TIF",
        ),
        ("a_png_without_pixels", make_png(0, 5), "no image format"),
    )
    def test_refuses_as_damaged(self, data, detail):
        self.assert_refused("damaged_image", detail, images.decode, data)

    def test_refuses_a_flipped_bit_in_a_png(self):
        data = bytearray(encode_image(draw_levels(1)))
        data[len(data) // 2] ^= 1
        self.assert_refused("damaged_image", ".", images.decode, bytes(data))

    @parameterized.parameters(
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "Git LFS pointer.*git lfs pull"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(80), "an image .HEIC.; convert it to PNG$"),
        (b"<!DOCTYPE html><html>404", "an HTML page"),
    )
    def test_says_what_a_file_is_that_is_no_image(self, data, kind):
        self.assert_refused("damaged_image", f"; it begins like .*{kind}", images.decode, data)

    @parameterized.parameters("EPS", "TGA", "PCX", "SGI")
    def test_does_not_open_other_formats_of_pillow(self, kind):
        detail = f"no image format that is read here .{', '.join(FORMATS)}."
        self.assert_refused("damaged_image", detail, images.decode, save(draw_picture("RGB"), kind))

    @parameterized.parameters(*FORMATS)
    @MAY_WARN
    def test_bytes_changed_anywhere_give_levels_or_a_refusal(self, kind):
        whole, chance = save(draw_picture("RGB"), kind), random.Random(0)
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(chance.choice((1, 2, 4))):
                data[chance.randrange(min(len(data), chance.choice((64, 1000))))] = chance.choice((0, 77, 255))
            try:
                self.assertEqual(images.decode(bytes(data)).dtype, np.uint8)
            except Refused as refusal:
                self.assertIn(refusal.reason, ("damaged_image", "too_large", "unsupported_image"))

    # Above 179 million pixels Pillow itself refuses; the files hold no pixels, so these are not looked for.
    @parameterized.parameters(60000, 6000)
    def test_refuses_a_png_that_claims_more_pixels_than_a_line_has(self, size):
        data = make_png(size, size)
        self.assert_refused("too_large", f"{size}x{size} pixels|{size**2} pixels", images.decode, data)
        for fit in fitting.FITS:
            self.assert_refused("too_large", " pixels", images.decode_line, data, LINES, fit)

    def test_a_line_has_33_million_pixels_at_most(self):
        detail = "^5793x5793 pixels, a line has 33,554,432 at most$"
        self.assert_refused("too_large", detail, images.decode, make_png(5793, 5793))
        self.assert_refused("damaged_image", ".", images.decode, make_png(5792, 5792))


if __name__ == "__main__":
    tf.test.main()
