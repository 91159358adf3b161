"""Normalising in a graph gives the numbers of pipeline.images, to the last bit, wherever it runs."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipeline import images
from pipeline.images_graph import normalise

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


if __name__ == "__main__":
    tf.test.main()
