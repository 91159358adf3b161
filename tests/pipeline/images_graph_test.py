"""Decoding, fitting and normalising in a graph give the numbers of pipeline.images, to the last bit."""

import io
import struct
import zlib

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import fitting, images
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.images_graph import decode, decode_batch, fit_for_reading, normalise, resize
from tests.samples import draw_levels, encode_image

EVERY_LEVEL = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)


def in_map(image):
    return next(iter(tf.data.Dataset.from_tensors(image).map(normalise)))


def in_batched_map(image):
    """Behind a batch that is not known to be of any size, as in a data set."""
    dataset = tf.data.Dataset.from_tensor_slices(image).batch(3).map(normalise, tf.data.AUTOTUNE)
    return next(iter(dataset))


def before_a_convolution(image):
    """Goes on computing with it, which a compiler may put together with what came before."""
    return tf.nn.conv2d(normalise(image), tf.ones([1, 1, 1, 1]), 1, "SAME")


class NormaliseTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.named_parameters(
        ("eagerly", normalise),
        ("in_a_function", tf.function(normalise)),
        ("in_a_map", in_map),
        ("in_a_map_of_batches", in_batched_map),
        ("compiled", tf.function(normalise, jit_compile=True)),
        ("compiled_before_a_convolution", tf.function(before_a_convolution, jit_compile=True)),
        ("in_a_function_before_a_convolution", tf.function(before_a_convolution)),
    )
    def test_every_level_is_bit_identical(self, how):
        result = how(tf.constant(EVERY_LEVEL))
        self.assertEqual((result.dtype, result.shape), (tf.float32, EVERY_LEVEL.shape))
        self.assertEqual(result.numpy().tobytes(), images.normalise(EVERY_LEVEL).tobytes())

    @parameterized.parameters(False, True)
    def test_float32_comes_out_as_it_is(self, jit_compile):
        image = np.random.default_rng(0).normal(0, 3, (2, 4, 5, 1)).astype(np.float32)
        result = tf.function(normalise, jit_compile=jit_compile)(tf.constant(image))
        self.assertEqual(result.numpy().tobytes(), image.tobytes())


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def decode_one(data):
    return decode(data)


@tf.function(input_signature=[tf.TensorSpec([None, None], tf.uint8), *[tf.TensorSpec([], tf.int32)] * 2])
def resize_one(levels, height, width):
    return resize(levels, height, width)


decode_in_graph = tf.function(decode_batch)


def save(image: PIL.Image.Image, kind: str, **options) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def draw_picture(mode: str) -> PIL.Image.Image:
    """Smooth colours, for a palette ones of its own, and some noise."""
    random = np.random.default_rng(1)
    small = random.integers(0, 256, (4, 9, 4), dtype=np.uint8)
    picture = PIL.Image.fromarray(small, "RGBA").resize((97, 33))
    noise = random.integers(-20, 20, (33, 97, 4))
    picture = PIL.Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8), "RGBA")
    if mode == "P":
        return picture.convert("RGB").convert("P", palette=PIL.Image.Palette.ADAPTIVE, colors=100)
    return picture if mode == "RGBA" else picture.convert("RGB").convert(mode)


JPEGS = [
    ("JPEG", mode, {"quality": quality, "subsampling": subsampling, "progressive": progressive})
    for mode in ("RGB", "L")
    for quality, subsampling, progressive in [(95, 0, False), (75, 1, False), (50, 2, True), (90, 2, False)]
]
OTHERS = [
    *(("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
    ("PNG", "P", {"transparency": 3}),
    ("PNG", "L", {"transparency": 3}),
    *(("BMP", mode, {}) for mode in ("L", "P", "RGB", "RGBA")),
    *(("GIF", mode, {}) for mode in ("1", "L", "P", "RGB")),
]


class DecodeTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(*JPEGS, *OTHERS)
    def test_equals_pillow(self, kind, mode, options):
        data = save(draw_picture(mode), kind, **options)
        self.assertAllEqual(decode_one(data), images.decode(data))

    @parameterized.parameters(
        (1, 0), (2, 0), (4, 0), (16, 0), (16, 2), (16, 4), (16, 6), (8, 4), (8, 6), (8, 2), (8, 0)
    )
    def test_equals_pillow_for_every_depth_and_colour_of_a_png(self, depth, colour):
        data = make_png(depth=depth, colour=colour, width=40, height=8)
        self.assertAllEqual(decode_one(data), images.decode(data))

    def test_decodes_the_first_of_several_pictures(self):
        first, second = draw_picture("L"), draw_picture("L").transpose(PIL.Image.Transpose.ROTATE_180)
        data = save(first, "GIF", save_all=True, append_images=[second])
        self.assertAllEqual(decode_one(data), images.decode(data))

    @parameterized.parameters(b"", b"none", b"BM", b"\xff\xd8\xff", b"RIFF....WEBP" * 9)
    def test_an_unknown_format_fails_with_the_number_of_the_image(self, data):
        good = encode_image(draw_levels(1))
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, r"(?s)no JPEG, PNG, BMP or GIF.*\[1\]"):
            decode_in_graph(tf.constant([good, data, good]), Geometry(32, 0), "pad")

    def test_an_empty_batch_fails(self):
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "no image is in the batch"):
            decode_in_graph(tf.constant([], tf.string), Geometry(32, 0), "pad")

    def test_a_bmp_of_16_colours_fails(self):
        data = bytearray(save(draw_picture("L"), "BMP"))
        data[28] = 4
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "not of 8, 24 or 32 bits"):
            decode_one(bytes(data))

    @parameterized.parameters("JPEG", "PNG", "BMP", "GIF")
    def test_half_a_file_fails(self, kind):
        data = save(draw_picture("L"), kind)
        with self.assertRaises(tf.errors.InvalidArgumentError):
            decode_one(data[: len(data) // 2])


class ResizeTest(parameterized.TestCase, tf.test.TestCase):
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
        for width in range(7, 80):
            expected = fitting.fit_height(draw_levels(1, 64, width), 32) if width > 13 else None
            if expected is not None:
                fitted = fit_for_reading(draw_levels(1, 64, width), Geometry(32, 0), "exact")
                self.assertAllEqual(fitted, expected)

    def test_a_batch_has_the_same_lines_as_single_calls(self):
        widths, data = [64, 300, 8, 65], []
        for number, width in enumerate(widths):
            data.append(encode_image(draw_levels(number, width=width)))
        levels, found = decode_in_graph(tf.constant(data), Geometry(32, 280), "exact")
        self.assertEqual((levels.shape, found.numpy().tolist()), ((4, 32, 300), widths))
        for number, width in enumerate(widths):
            self.assertAllEqual(levels[number, :, :width], draw_levels(number, width=width))
            self.assertAllEqual(levels[number, :, width:], np.zeros([32, 300 - width]))

    def test_a_line_without_a_frame_fails_with_its_number(self):
        data = [encode_image(draw_levels(1)), encode_image(draw_levels(1, width=6))]
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, r"(?s)too narrow for a frame.*\[1\]"):
            decode_in_graph(tf.constant(data), Geometry(32, 0), "pad")

    def test_a_flat_image_that_scaling_would_make_too_large_fails(self):
        thread = np.zeros([1, 40000], np.uint8)
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "too wide for a line"):
            fit_for_reading(thread, Geometry(32, 0), "pad")


def make_png(*, depth: int, colour: int, width: int, height: int) -> bytes:
    """Random pixels in any kind of PNG but one with a palette, which Pillow cannot write in every depth."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    row = (width * channels * depth + 7) // 8
    pixels = np.random.default_rng(0).integers(0, 256, (height, row), dtype=np.uint8)
    raw = b"".join(b"\0" + line.tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    body = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


if __name__ == "__main__":
    tf.test.main()
