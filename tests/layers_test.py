"""The network's own layers give what the plain ones give."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from model.layers import FusedBatchNormalization, NarrowConvolution, SeededDropout, dropout_seed


def random_tensor(*shape):
    return tf.constant(np.random.default_rng(len(shape)).normal(1, 2, shape), tf.float32)


class FusedBatchNormalizationTest(parameterized.TestCase, tf.test.TestCase):
    def make_pair(self):
        layers = [kind(epsilon=1.1e-5) for kind in (FusedBatchNormalization, keras.layers.BatchNormalization)]
        for layer in layers:
            layer.build((None, None, None, 6))
            layer.set_weights([np.linspace(0.5, 2, 6) + k for k in range(4)])
        return layers

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


class NarrowConvolutionTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters((3, 5, 7), (3, 1, 2), (5, 6, 6))
    def test_equals_the_plain_convolution_in_output_and_gradients(self, size, height, width):
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
