"""The network is the notebook's, to the parameter and to the output."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from model.densenet import build_densenet, count_parameters


def build_from_plain_layers(height, classes):
    """The network of notes and notebook once more, of Keras's own layers only."""
    layers = keras.layers

    def activate(x):
        return layers.ReLU()(layers.BatchNormalization(epsilon=1.1e-5)(x))

    inputs = keras.Input((height, None, 1))
    x = layers.Conv2D(64, 5, strides=2, padding="same", use_bias=False)(inputs)
    for block in range(3):
        if block:
            x = layers.Conv2D(128, 1, use_bias=False)(activate(x))
            x = layers.AveragePooling2D(2, 2)(layers.Dropout(0.2)(x))
        for _ in range(8):
            x = layers.Concatenate()([x, layers.Conv2D(8, 3, padding="same")(activate(x))])
    x = layers.TimeDistributed(layers.Flatten())(layers.Permute((2, 1, 3))(activate(x)))
    return keras.Model(inputs, layers.Dense(classes)(x))


class DensenetTest(parameterized.TestCase, tf.test.TestCase):
    def test_has_the_notebooks_parameters(self):
        self.assertEqual(count_parameters(build_densenet(height=32, classes=5990)), (4_896_742, 7_488))

    @parameterized.parameters(32, 48)
    def test_equals_the_network_of_plain_layers(self, height):
        ours, plain = build_densenet(height=height, classes=7), build_from_plain_layers(height, 7)
        random = np.random.default_rng(0)
        weights = [random.uniform(0.05, 0.3, w.shape).astype(np.float32) for w in plain.get_weights()]
        weights = [w * random.choice([-1, 1], w.shape) if w.ndim > 1 else w for w in weights]
        ours.set_weights(weights)
        plain.set_weights(weights)
        lines = random.normal(0, 0.5, (2, height, 61, 1)).astype(np.float32)
        expected = plain(lines, training=False).numpy()
        self.assertAllClose(
            ours(lines, training=False), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max()
        )

    @parameterized.parameters(7, 8, 14, 15, 63, 280, 287)
    def test_gives_a_frame_for_every_8_pixels(self, width):
        logits = build_densenet(height=32, classes=5)(np.zeros((1, 32, width, 1), np.float32))
        self.assertEqual(logits.shape, (1, (width + 1) // 8, 5))

    def test_initial_weights_are_a_function_of_the_seed(self):
        first, again, other = (
            build_densenet(height=32, classes=5, seed=seed).get_weights() for seed in (3, 3, 4)
        )
        for one, same in zip(first, again, strict=True):
            self.assertAllEqual(one, same)
        self.assertNotAllEqual(first[0], other[0])

    def test_layers_of_one_shape_begin_differently(self):
        kernels = [w for w in build_densenet(height=32, classes=5).get_weights() if w.shape == (3, 3, 128, 8)]
        self.assertGreater(len(kernels), 1)
        self.assertNotAllEqual(kernels[0], kernels[1])

    def test_regularises_the_three_bare_convolutions_only(self):
        self.assertLen(build_densenet(height=32, classes=5).losses, 3)


if __name__ == "__main__":
    tf.test.main()
