"""The network's own layers give what the plain ones give."""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network import layers
from densenet_ocr.model.network.layers import (
    FusedBatchNormalization,
    LineColumns,
    LineStart,
    NarrowConvolution,
    SeededDropout,
    dropout_seed,
)

# One of them fills up a batch; the longest one leaves room.
WIDTHS = (5, 0, 7, 1, 4)


def random_tensor(*shape):
    return tf.constant(np.random.default_rng(len(shape)).normal(1, 2, shape), tf.float32)


def cut_lines(batch, widths=WIDTHS) -> list:
    """The lines of a padded batch, each alone, [1, H, width, C]."""
    return [line[None, :, :width] for line, width in zip(batch, widths, strict=True)]


class FusedBatchNormalizationTest(parameterized.TestCase, tf.test.TestCase):
    def make_pair(self):
        pair = [kind(epsilon=1.1e-5) for kind in (FusedBatchNormalization, keras.layers.BatchNormalization)]
        for layer in pair:
            layer.build((None, None, None, 6))
            layer.set_weights([np.linspace(0.5, 2, 6) + k for k in range(4)])
        return pair

    @parameterized.parameters(True, False)
    def test_equals_keras_in_output_gradients_and_moving_statistics(self, training):
        inputs, results = random_tensor(3, 4, 5, 6), []
        for layer in self.make_pair():
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = layer(inputs, training=training)
                loss = tf.reduce_sum(outputs * tf.sin(outputs))
            gradients = tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value])
            results.append([outputs, *gradients, *layer.get_weights()])
        for ours, keras_own in zip(*results, strict=True):
            self.assertAllClose(ours, keras_own, atol=2e-4, rtol=1e-4)

    def test_a_frozen_layer_keeps_its_statistics(self):
        layer, _ = self.make_pair()
        layer.trainable = False
        before = layer.get_weights()
        layer(random_tensor(3, 4, 5, 6), training=True)
        self.assertAllEqual(np.stack(before), np.stack(layer.get_weights()))

    @parameterized.product(training=[True, False], padding=[0.0, 1e4])
    def test_padded_lines_equal_keras_on_the_lines_alone(self, training, padding):
        inputs, columns = random_tensor(5, 4, 8, 6), tf.sequence_mask(WIDTHS, 8)
        inside = tf.broadcast_to(columns[:, None, :, None], inputs.shape)
        inputs = tf.where(inside, inputs, padding)
        ours, plain = self.make_pair()
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(inputs)
            padded = ours(inputs, columns, training=training)
            # Statistics do not depend on where a pixel stands, so all lines can be one.
            alone = plain(tf.concat(cut_lines(inputs), axis=2), training=training)
            losses = [tf.reduce_sum(outputs * tf.sin(outputs)) for outputs in (padded, alone)]
        self.assertAllClose(tf.concat(cut_lines(padded), axis=2), alone, atol=2e-4, rtol=1e-4)
        self.assertAllEqual(padded[~inside], tf.zeros_like(padded[~inside]))
        gradients = [
            tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value])
            for loss, layer in zip(losses, (ours, plain), strict=True)
        ]
        for one, other in zip(*gradients, strict=True):
            self.assertAllClose(one, other, atol=2e-4, rtol=1e-4)
        self.assertAllEqual(gradients[0][0][~inside], tf.zeros_like(padded[~inside]))
        self.assertAllClose(ours.get_weights(), plain.get_weights(), rtol=1e-5)

    def test_rows_that_fill_up_a_replicas_batch_leave_no_trace(self):
        inputs, (layer, _) = random_tensor(3, 4, 5, 6), self.make_pair()
        before = layer.get_weights()
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, tf.zeros([3, 5], tf.bool), training=True)
        gradients = tape.gradient(outputs, [inputs, layer.gamma.value, layer.beta.value])
        for value in (outputs, *gradients):
            self.assertAllEqual(value, tf.zeros_like(value))
        self.assertAllEqual(np.stack(before), np.stack(layer.get_weights()))


class LineStartTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(7, 8, 11)
    def test_the_first_convolution_sees_each_line_as_if_it_were_alone(self, padded_width):
        kernel = random_tensor(5, 5, 1, 3)
        inputs = tf.pad(
            random_tensor(5, 6, 7, 1), [[0, 0], [0, 0], [0, padded_width - 7], [0, 0]], "CONSTANT", 9.0
        )
        placed = LineStart()(inputs, tf.constant(WIDTHS))
        self.assertEqual(placed.shape[2], padded_width + padded_width % 2)
        together = tf.nn.conv2d(placed, kernel, 2, "SAME")
        for row, line, width in zip(together, cut_lines(inputs), WIDTHS, strict=True):
            if width:
                alone = tf.nn.conv2d(line, kernel, 2, "SAME")[0]
                self.assertAllClose(row[:, : (width + 1) // 2], alone, rtol=1e-5, atol=1e-5)


class LineColumnsTest(tf.test.TestCase):
    def test_are_the_columns_before_a_lines_width(self):
        columns = LineColumns()(tf.zeros([4, 2, 5, 3]), tf.constant([0, 1, 4, 5]))
        expected = [[column < width for column in range(5)] for width in (0, 1, 4, 5)]
        self.assertAllEqual(columns, expected)


class NarrowConvolutionTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.product(shape=[(3, 5, 7), (3, 1, 2), (5, 6, 6), (3, 4, 1)], has_wide_vectors=[True, False])
    def test_equals_the_plain_convolution_in_output_and_gradients(self, shape, has_wide_vectors):
        self.enter_context(mock.patch.object(layers, "has_wide_vectors", return_value=has_wide_vectors))
        size, height, width = shape
        inputs, results = random_tensor(2, height, width, 11), []
        kernel, bias = random_tensor(size, size, 11, 4), random_tensor(4)
        for kind in (NarrowConvolution, keras.layers.Conv2D):
            layer = kind(4, size, padding="same")
            layer.build(inputs.shape)
            layer.set_weights([kernel, bias])
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = layer(inputs)
                loss = tf.reduce_sum(tf.sin(outputs / 50))
            results.append([outputs, *tape.gradient(loss, [inputs, *[v.value for v in layer.weights]])])
        for ours, plain in zip(*results, strict=True):
            self.assertAllClose(ours, plain, rtol=1e-4, atol=1e-4)


class SeededDropoutTest(tf.test.TestCase):
    def drop(self, seed, number=1):
        with dropout_seed(seed):
            return SeededDropout(0.2, number)(tf.ones([4, 8, 8, 16]), training=True)

    def test_is_a_function_of_seed_and_number(self):
        self.assertAllEqual(self.drop([1, 2]), self.drop([1, 2]))
        self.assertNotAllEqual(self.drop([1, 2]), self.drop([1, 3]))
        self.assertNotAllEqual(self.drop([1, 2]), self.drop([1, 2], number=2))

    def test_drops_its_share_and_scales_the_rest(self):
        dropped = self.drop([0, 0]).numpy()
        self.assertAllClose(np.mean(dropped == 0), 0.2, atol=0.02)
        self.assertAllClose(np.unique(dropped), [0, 1.25])

    def test_does_nothing_outside_training(self):
        inputs = random_tensor(2, 3, 4, 5)
        self.assertAllEqual(SeededDropout(0.2, 1)(inputs, training=False), inputs)

    def test_draws_anew_at_every_call_without_a_seed(self):
        layer, inputs = SeededDropout(0.5, 1), tf.ones([4, 8, 8, 16])
        self.assertNotAllEqual(layer(inputs, training=True), layer(inputs, training=True))


if __name__ == "__main__":
    tf.test.main()
