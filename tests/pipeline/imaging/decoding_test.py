"""Decoding of images of every kind to grey levels; pictures that have none are refused."""

import io
import struct

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.geometry import Geometry
from tests.pipeline.imaging.image_case import DEEP, MAY_WARN, ImageTest, draw_picture, make_png, save
from tests.samples import draw_levels, encode_image


class DecodeTest(ImageTest):
    @parameterized.parameters(
        ("RGB", "JPEG"),
        ("RGB", "JPEG", {"progressive": True}),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGB", "PNG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("RGBA", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG", {"transparency": 3}),
        ("P", "PNG", {"transparency": bytes(range(100))}),
        ("RGB", "PNG", {"transparency": (1, 2, 3)}),
        ("L", "PNG", {"transparency": 7}),
        ("P", "GIF"),
        ("RGBA", "GIF"),
        ("RGB", "BMP"),
        ("P", "BMP"),
        ("1", "BMP"),
        ("CMYK", "TIFF"),
        ("RGBA", "TIFF", {"compression": "tiff_lzw"}),
        ("1", "TIFF", {"compression": "group4"}),
        ("RGB", "WEBP"),
        ("RGBA", "WEBP", {"lossless": True}),
        ("RGB", "PPM"),
        ("L", "PPM"),
        ("1", "PPM"),
        ("RGB", "JPEG2000"),
        ("LA", "JPEG2000"),
        ("RGB", "AVIF"),
        ("RGBA", "AVIF"),
    )
    @MAY_WARN
    def test_decodes_as_pillow_converts_to_grey(self, mode, kind, options=None):
        data = save(draw_picture(mode), kind, **(options or {}))
        levels = images.decode(data)
        self.assertEqual((levels.dtype, levels.shape), (np.uint8, (8, 40)))
        self.assertAllEqual(levels, PIL.Image.open(io.BytesIO(data)).convert("L"))
        self.assertAllEqual(levels, images.decode_line(data, Geometry(8, 40), "exact"))

    def test_grey_levels_of_a_png_are_those_that_were_drawn(self):
        self.assertAllEqual(images.decode(encode_image(draw_levels(1))), draw_levels(1))

    @parameterized.named_parameters(
        ("png", save(PIL.Image.fromarray(DEEP), "PNG")),
        ("tiff", save(PIL.Image.fromarray(DEEP), "TIFF")),
        ("big_endian_tiff", save(PIL.Image.fromarray(DEEP.astype(">u2")), "TIFF")),
        ("jpeg2000", save(PIL.Image.fromarray(DEEP), "JPEG2000")),
    )
    def test_16_bit_grey_becomes_its_high_byte(self, data):
        self.assertAllEqual(images.decode(data), draw_levels(2, 8, 40))
        self.assertAllEqual(images.decode_line(data, Geometry(8, 40), "exact"), draw_levels(2, 8, 40))

    def test_16_bit_colour_and_grey_with_alpha_give_their_high_bytes(self):
        colour = make_png(2, 1, bits=16, colour=2, pixels=b"\0" + bytes([9, 200] * 3 + [255, 1] * 3))
        alpha = make_png(2, 1, bits=16, colour=4, pixels=b"\0" + bytes([9, 200, 0, 0, 255, 1, 255, 0]))
        for data in (colour, alpha):
            self.assertAllEqual(images.decode(data), [[9, 255]])

    def test_grey_of_less_than_8_bits_reaches_from_black_to_white(self):
        self.assertAllEqual(images.decode(make_png(4, 1, bits=2, pixels=b"\0\x1b")), [[0, 85, 170, 255]])
        self.assertAllEqual(images.decode(b"P5 2 1 100\n\0\x64"), [[0, 255]])

    @parameterized.parameters(
        ("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PNG", {"default_image": True})
    )
    def test_of_several_pictures_the_first_counts(self, kind, options):
        first, second = draw_picture("L", 5), draw_picture("L", 6)
        data = save(first, kind, save_all=True, append_images=[second], **options)
        self.assertAllEqual(images.decode(data), first)

    @parameterized.parameters(np.int32, np.float32)
    def test_refuses_pixels_that_convert_would_clip(self, dtype):
        data = save(PIL.Image.fromarray(np.full((8, 40), 1000, dtype)), "TIFF")
        self.assert_refused(
            "unsupported_image", "^pixels of mode [IF], which has no 8-bit grey$", images.decode, data
        )

    def test_refuses_pixels_that_pillow_cannot_make_grey(self):
        data = save(PIL.Image.new("LAB", (40, 8)), "TIFF")
        self.assert_refused("unsupported_image", "mode LAB", images.decode, data)

    @parameterized.parameters(
        ("PNG", {}), ("GIF", {}), ("TIFF", {}), ("JPEG2000", {}), ("WEBP", {"lossless": True, "exact": True})
    )
    def test_refuses_a_text_that_only_its_transparency_shows(self, kind, options):
        picture = PIL.Image.new("RGBA", (40, 8), (0, 0, 0, 0))
        picture.paste((0, 0, 0, 255), (3, 2, 9, 6))
        detail = "^only its transparency shows a text; flatten it onto its paper$"
        self.assert_refused("unsupported_image", detail, images.decode, save(picture, kind, **options))

    def test_refuses_a_palette_that_differs_in_transparency_alone(self):
        data = make_png(4, 1, colour=3, pixels=b"\0\0\1\0\1", PLTE=bytes(6), tRNS=b"\0\xff")
        self.assert_refused("unsupported_image", "transparency", images.decode, data)

    def test_refuses_a_text_that_only_its_transparency_shows_on_noise(self):
        alpha = PIL.Image.fromarray(draw_levels(4, 8, 40))
        noise = np.random.default_rng(0).integers(0, 3, (8, 40, 3), dtype=np.uint8)
        picture = PIL.Image.fromarray(noise)
        picture.putalpha(alpha)
        self.assert_refused("unsupported_image", "transparency", images.decode, save(picture, "PNG"))

    @parameterized.parameters((4, 8), (8, 2), (4, 2))
    def test_refuses_a_bmp_that_pillow_misreads(self, bits, colours):
        row = bytes((40 * bits // 8 + 3) // 4 * 4)
        levels = [0, 255] if colours == 2 else range(colours)
        palette = b"".join(bytes([level] * 3 + [0]) for level in levels)
        start = 54 + len(palette)
        head = b"BM" + struct.pack("<IHHI", start + 8 * len(row), 0, 0, start)
        info = struct.pack("<IiiHHIIiiII", 40, 40, 8, 1, bits, 0, 0, 0, 0, colours, 0)
        self.assert_refused("unsupported_image", "a BMP", images.decode, head + info + palette + 8 * row)

    @parameterized.parameters(0, 255)
    def test_accepts_a_picture_of_one_transparency(self, alpha):
        data = save(PIL.Image.new("LA", (40, 8), (93, alpha)), "PNG")
        self.assertAllEqual(images.decode(data), np.full((8, 40), 93))


if __name__ == "__main__":
    tf.test.main()
