"""Decoding batches and normalising in a graph; graph.zoo_test compares files of every kind."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.graph.images import decode_batch, normalise
from tests.pipeline.zoo.zoo import make_zoo
from tests.samples import draw_levels, encode_image

EVERY_LEVEL = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)


def in_map(image):
    return next(iter(tf.data.Dataset.from_tensors(image).map(normalise)))


def in_batched_map(image):
    """Behind a batch that is not known to be of any size, as in a data set."""
    dataset = tf.data.Dataset.from_tensor_slices(image).batch(3).map(normalise, tf.data.AUTOTUNE)
    return next(iter(dataset))


def before_a_convolution(image):
    """Computes with it, which a compiler may put together with what came before."""
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


decode_in_graph = tf.function(decode_batch, autograph=False)
ZOO = make_zoo()


class DecodeBatchTest(parameterized.TestCase, tf.test.TestCase):
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

    @parameterized.named_parameters(
        ("nothing", b"", "no JPEG, PNG or BMP"),
        ("half_a_magic_number", b"BM", "no JPEG, PNG or BMP"),
        ("webp", b"RIFF....WEBP" * 9, "no JPEG, PNG or BMP"),
        ("gif", ZOO["GIF/transparent paper"], "no JPEG, PNG or BMP"),
        ("cmyk", ZOO["JPEG/CMYK without Adobe"], "CMYK"),
        ("exif", ZOO["JPEG/EXIF twice"], "EXIF data twice"),
        ("alpha", ZOO["PNG/LA, a text of alpha on noise"], "only transparency shows a text"),
        ("deep", ZOO["PNG/12 bits in 16"], "12 bits or fewer"),
        ("bmp", ZOO["BMP/P"][:28] + b"\4" + ZOO["BMP/P"][29:], "not of 8, 24 or 32 bits"),
    )
    def test_an_image_that_cannot_be_read_fails_with_its_number(self, data, message):
        good = encode_image(draw_levels(1))
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, rf"(?s){message}.*\[1\]"):
            decode_in_graph(tf.constant([good, data, good]), Geometry(32, 0), "pad")

    def test_an_empty_batch_fails(self):
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "no image is in the batch"):
            decode_in_graph(tf.constant([], tf.string), Geometry(32, 0), "pad")


if __name__ == "__main__":
    tf.test.main()
