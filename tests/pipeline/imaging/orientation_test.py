"""Images that EXIF turns are turned; broken EXIF refuses no image."""

import random

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.imaging import fitting
from tests.pipeline.imaging.image_case import DEEP, LINES, MAY_WARN, ImageTest, draw_picture, save
from tests.samples import draw_levels

# What a viewer shows of an image whose EXIF has this number.
TURNED = {
    1: lambda levels: levels,
    2: lambda levels: levels[:, ::-1],
    3: lambda levels: levels[::-1, ::-1],
    4: lambda levels: levels[::-1],
    5: lambda levels: levels.T,
    6: lambda levels: np.rot90(levels, -1),
    7: lambda levels: levels[::-1, ::-1].T,
    8: lambda levels: np.rot90(levels),
}


def make_exif(orientation: int) -> bytes:
    exif = PIL.Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x011A] = "maker", orientation, 72.0
    exif[0x8769] = {0x9000: b"0230", 0x927C: b"a note"}
    return exif.tobytes()


class OrientationTest(ImageTest):
    @parameterized.product(kind=["JPEG", "PNG", "TIFF", "WEBP", "AVIF"], orientation=list(TURNED))
    def test_an_image_that_exif_turns_is_turned(self, kind, orientation):
        options = {"lossless": True} if kind == "WEBP" else {}
        upright = images.decode(save(draw_picture("RGB"), kind, **options))
        data = save(draw_picture("RGB"), kind, exif=make_exif(orientation), **options)
        expected = TURNED[orientation](upright)
        self.assertAllEqual(images.decode(data), expected)
        self.assertAllEqual(images.decode_line(data, Geometry(*expected.shape), "exact"), expected)
        self.assert_refused(
            "wrong_size", "pixels", images.decode_line, data, Geometry(*expected.shape[::-1]), "exact"
        )

    def test_16_bit_grey_is_turned_too(self):
        data = save(PIL.Image.fromarray(DEEP), "PNG", exif=make_exif(6))
        self.assertAllEqual(images.decode(data), TURNED[6](draw_levels(2, 8, 40)))

    @parameterized.parameters(0, 9, 65535)
    def test_a_number_that_exif_does_not_know_turns_nothing(self, orientation):
        data = save(draw_picture("L"), "PNG", exif=make_exif(orientation))
        self.assertAllEqual(images.decode(data), draw_picture("L"))

    @parameterized.product(kind=["JPEG", "PNG", "WEBP"], orientation=list(TURNED))
    def test_exif_with_a_field_of_a_wrong_type_turns_an_image_all_the_same(self, kind, orientation):
        options = {"lossless": True} if kind == "WEBP" else {}
        upright = images.decode(save(draw_picture("L"), kind, **options))
        # A resolution that claims to be a text: it can be read, but not be written again.
        exif = make_exif(orientation).replace(b"\x01\x1a\0\x05", b"\x01\x0e\0\x05")
        self.assertNotEqual(exif, make_exif(orientation))
        data = save(draw_picture("L"), kind, exif=exif, **options)
        self.assertAllEqual(images.decode(data), TURNED[orientation](upright))

    @parameterized.product(kind=["JPEG", "PNG", "WEBP"], orientation=[1, 6])
    @MAY_WARN
    def test_broken_exif_does_not_refuse_a_sound_image(self, kind, orientation):
        whole, chance = make_exif(orientation), random.Random(1)
        options = {"lossless": True} if kind == "WEBP" else {}
        upright = images.decode(save(draw_picture("L"), kind, **options))
        for _ in range(150):
            exif = bytearray(whole)
            for _ in range(chance.choice((1, 2, 5))):
                exif[chance.randrange(6, len(exif))] = chance.randrange(256)
            exif = exif[: chance.choice((len(exif), chance.randrange(6, len(exif))))]
            data = save(draw_picture("L"), kind, exif=bytes(exif), **options)
            levels = images.decode(data)
            self.assertTrue(any(np.array_equal(levels, turn(upright)) for turn in TURNED.values()))
            self.assertAllEqual(images.decode_line(data, Geometry(*levels.shape), "exact"), levels)

    @parameterized.parameters("resize", "pad")
    def test_an_image_is_turned_before_it_is_fitted(self, fit):
        upright = draw_levels(1, 60, 30)
        data = save(PIL.Image.fromarray(upright), "PNG", exif=make_exif(8))
        expected = fitting.fit_line(TURNED[8](upright), LINES, fit)
        self.assertAllEqual(images.decode_line(data, LINES, fit), expected)


if __name__ == "__main__":
    tf.test.main()
