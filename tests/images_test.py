"""Decoding, grey levels, normalising and its inverse."""

import io
import os

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from pipeline import images
from pipeline.errors import Refused, UserError
from pipeline.images import Geometry
from tests.samples import draw_levels, encode_image

LEVELS = np.arange(256, dtype=np.uint8)


def save(image: PIL.Image.Image, kind: str) -> bytes:
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()


def draw_picture(mode: str) -> PIL.Image.Image:
    """Random pixels in a mode; a palette picture gets colours of its own."""
    colours = np.random.default_rng(3).integers(0, 256, (8, 40, 3), dtype=np.uint8)
    picture = PIL.Image.fromarray(colours)
    if mode == "RGBA":
        picture.putalpha(PIL.Image.fromarray(draw_levels(4, 8, 40)))
        return picture
    return picture.convert("P", palette=PIL.Image.Palette.ADAPTIVE) if mode == "P" else picture.convert(mode)


class NormaliseTest(tf.test.TestCase):
    def test_equals_the_notebooks_arithmetic_to_the_bit(self):
        image = PIL.Image.fromarray(LEVELS.reshape(16, 16))
        expected = np.array(image, "f") / 255.0 - 0.5
        tensor = images.normalise(LEVELS.reshape(16, 16))
        self.assertEqual(tensor.dtype, np.float32)
        self.assertEqual(tensor.tobytes(), expected.tobytes())

    def test_denormalise_gives_every_level_back(self):
        levels = images.denormalise(images.normalise(LEVELS))
        self.assertEqual(levels.dtype, np.uint8)
        self.assertAllEqual(levels, LEVELS)

    def test_denormalise_takes_tensors_of_any_shape(self):
        tensor = tf.constant(images.normalise(LEVELS).reshape(2, 8, 16, 1))
        self.assertAllEqual(images.denormalise(tensor), LEVELS.reshape(2, 8, 16, 1))


class DecodeTest(parameterized.TestCase, tf.test.TestCase):
    def assert_refused(self, reason: str, detail: str, call, *args):
        with self.assertRaises(Refused) as caught:
            call(*args)
        self.assertEqual(caught.exception.reason, reason)
        self.assertRegex(caught.exception.detail, detail)

    @parameterized.parameters(
        ("RGB", "JPEG"),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("RGBA", "PNG"),
        ("LA", "PNG"),
        ("P", "GIF"),
        ("RGB", "BMP"),
        ("CMYK", "TIFF"),
    )
    def test_decodes_as_pillow_converts_to_grey(self, mode, kind):
        data = save(draw_picture(mode), kind)
        levels = images.decode(data)
        self.assertEqual((levels.dtype, levels.shape), (np.uint8, (8, 40)))
        self.assertAllEqual(levels, PIL.Image.open(io.BytesIO(data)).convert("L"))
        self.assertAllEqual(levels, images.decode_exact(data, Geometry(8, 40)))

    def test_grey_levels_of_a_png_are_those_that_were_drawn(self):
        self.assertAllEqual(images.decode(encode_image(draw_levels(1))), draw_levels(1))

    @parameterized.named_parameters(
        ("a_truncated_png", encode_image(draw_levels(1))[:-900], "truncated"),
        ("a_truncated_jpeg", save(draw_picture("RGB"), "JPEG")[:-200], "truncated"),
        ("an_empty_file", b"", "^the file is empty$"),
        ("text", b"no image at all", "^15 bytes of no image format that Pillow knows$"),
    )
    def test_refuses_as_damaged(self, data, detail):
        self.assert_refused("damaged_image", detail, images.decode, data)

    def test_refuses_a_flipped_bit_in_a_png(self):
        data = bytearray(encode_image(draw_levels(1)))
        data[len(data) // 2] ^= 1
        self.assert_refused("damaged_image", ".", images.decode, bytes(data))

    @parameterized.parameters((np.uint16, "I;16"), (np.float32, "F"))
    def test_refuses_pixels_that_convert_would_clip(self, dtype, mode):
        data = save(PIL.Image.fromarray(np.full((8, 40), 1000, dtype)), "TIFF")
        self.assert_refused(
            "unsupported_image", f"^pixels of mode {mode}, which has no 8-bit grey$", images.decode, data
        )

    def test_refuses_pixels_that_pillow_cannot_make_grey(self):
        data = save(PIL.Image.new("LAB", (40, 8)), "TIFF")
        self.assert_refused("unsupported_image", "mode LAB", images.decode, data)

    def test_refuses_a_16_bit_png(self):
        data = save(PIL.Image.fromarray(np.full((8, 40), 40000, np.uint16)), "PNG")
        self.assert_refused("unsupported_image", "mode I;16", images.decode, data)

    def test_refuses_a_size_other_than_the_data_sets(self):
        self.assert_refused(
            "wrong_size",
            "^64x32 pixels, the data set's are 280x32$",
            images.decode_exact,
            encode_image(draw_levels(1)),
            Geometry(32, 280),
        )

    def test_does_not_take_width_for_height(self):
        self.assert_refused(
            "wrong_size", "^32x64 ", images.decode_exact, encode_image(draw_levels(1, 64, 32)), Geometry(32, 64)
        )


class ReadFileTest(tf.test.TestCase):
    def test_reads_the_bytes(self):
        self.assertEqual(images.read_file(self.create_tempfile("a.png", "data").full_path), b"data")

    def test_refuses_a_file_that_is_not_there(self):
        path = os.path.join(self.create_tempdir().full_path, "a.png")
        with self.assertRaises(Refused) as caught:
            images.read_file(path)
        self.assertEqual(
            (caught.exception.reason, caught.exception.detail), ("missing_image", f"no file {path}")
        )

    def test_refuses_a_path_that_goes_through_a_file(self):
        path = self.create_tempfile("a.png", "data").full_path
        with self.assertRaises(Refused) as caught:
            images.read_file(os.path.join(path, "b.png"))
        self.assertEqual(caught.exception.reason, "missing_image")

    def test_refuses_a_folder(self):
        folder = self.create_tempdir().full_path
        with self.assertRaises(Refused) as caught:
            images.read_file(folder)
        self.assertEqual(caught.exception.reason, "unreadable_image")
        self.assertEqual(caught.exception.detail, f"{folder}: Is a directory")

    def test_refuses_a_name_that_no_file_can_have(self):
        with self.assertRaises(Refused) as caught:
            images.read_file(os.path.join(self.create_tempdir().full_path, "a" * 300))
        self.assertEqual(caught.exception.reason, "unreadable_image")
        self.assertEndsWith(caught.exception.detail, "File name too long")


class FitHeightTest(parameterized.TestCase, tf.test.TestCase):
    def test_leaves_the_right_height_untouched(self):
        levels = draw_levels(1, 32, 64)
        self.assertAllEqual(images.fit_height(levels, 32), draw_levels(1, 32, 64))

    @parameterized.parameters((64, 100, 50), (16, 100, 200), (48, 10, 7), (100, 1, 1), (31, 280, 289))
    def test_keeps_the_aspect(self, height, width, fitted):
        levels = images.fit_height(draw_levels(1, height, width), 32)
        self.assertEqual((levels.dtype, levels.shape), (np.uint8, (32, fitted)))

    def test_a_plain_picture_stays_plain(self):
        self.assertAllEqual(images.fit_height(np.full((50, 70), 93, np.uint8), 32), np.full((32, 45), 93))


class GeometryTest(parameterized.TestCase, tf.test.TestCase):
    def test_is_the_notebooks_where_nothing_is_said(self):
        self.assertEqual(Geometry(), Geometry(32, 280))

    @parameterized.parameters(("height", 6), ("width", 6), ("height", 0), ("width", -5))
    def test_refuses_a_size_that_makes_no_frame(self, name, size):
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"image {name}: received {size}, expected at least 7 pixels, which make one frame. "
            f"Choose --image_{name} as the lines are.",
        ):
            Geometry(**{name: size})

    def test_takes_the_smallest_size_that_makes_a_frame(self):
        self.assertEqual(Geometry(7, 7).width, 7)


if __name__ == "__main__":
    tf.test.main()
