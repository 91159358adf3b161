"""The network is the notebook's, to the parameter and to the output, and reads padded lines as if alone."""

import os

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.ctc import decode_best_path
from densenet_ocr.model.network.densenet import build_densenet, call_densenet, count_parameters
from densenet_ocr.model.network.layers import SeededDropout
from densenet_ocr.pipeline import images
from tests.samples import draw_levels, shallow_network

WIDTHS = (7, 8, 33, 50, 63)


def build_from_plain_layers(height, classes, pools=((2, 2), (2, 2))):
    """The network of notes and notebook once more, of Keras's own layers only."""
    layers = keras.layers

    def activate(x):
        return layers.ReLU()(layers.BatchNormalization(epsilon=1.1e-5)(x))

    inputs = keras.Input((height, None, 1))
    x = layers.Conv2D(64, 5, strides=2, padding="same", use_bias=False)(inputs)
    for block in range(3):
        if block:
            x = layers.Conv2D(128, 1, use_bias=False)(activate(x))
            x = layers.AveragePooling2D(pools[block - 1], pools[block - 1])(layers.Dropout(0.2)(x))
        for _ in range(8):
            x = layers.Concatenate()([x, layers.Conv2D(8, 3, padding="same")(activate(x))])
    x = layers.TimeDistributed(layers.Flatten())(layers.Permute((2, 1, 3))(activate(x)))
    return keras.Model(inputs, layers.Dense(classes)(x))


def set_random_weights(model) -> None:
    """Weights unlike the initial ones, moving statistics included; logits stay small numbers."""
    random = np.random.default_rng(0)
    for variable in model.variables:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(random.uniform(0.5, 1.5, variable.shape))
        elif len(variable.shape) == 1:
            variable.assign(random.normal(0, 0.3, variable.shape))


def pad(lines, width: int, value: float) -> np.ndarray:
    """Lines [H, w, 1] in one batch [B, H, width, 1]."""
    return np.stack(
        [np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0)), constant_values=value) for line in lines]
    )


class DensenetTest(parameterized.TestCase, tf.test.TestCase):
    def test_has_the_notebooks_parameters(self):
        self.assertEqual(count_parameters(build_densenet(height=32, classes=5990)), (4_896_742, 7_488))

    @parameterized.parameters((32, 8, ((2, 2), (2, 2))), (48, 8, ((2, 2), (2, 2))), (32, 4, ((2, 2), (2, 1))))
    def test_equals_the_network_of_plain_layers(self, height, frame_stride, pools):
        ours = build_densenet(height=height, classes=7, frame_stride=frame_stride)
        plain = build_from_plain_layers(height, 7, pools)
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
    def test_counts_a_frame_for_every_8_pixels(self, width):
        logits = build_densenet(height=32, classes=5)(np.zeros((1, 32, width, 1), np.float32))
        self.assertEqual(logits.shape, (1, (width + 1) // 8, 5))

    @parameterized.parameters(3, 6, 7, 64, 281)
    def test_counts_a_frame_for_every_4_pixels_with_that_stride(self, width):
        with shallow_network():
            model = build_densenet(height=32, classes=5, frame_stride=4)
        logits = model(np.zeros((1, 32, width, 1), np.float32))
        self.assertEqual(logits.shape, (1, (width + 1) // 4, 5))

    def test_initial_weights_are_a_function_of_the_seed(self):
        first, again, other = (
            build_densenet(height=32, classes=5, seed=seed).get_weights() for seed in (3, 3, 4)
        )
        for one, same in zip(first, again, strict=True):
            self.assertAllEqual(one, same)
        self.assertNotAllEqual(first[0], other[0])

    def test_layers_of_one_shape_have_different_initial_weights(self):
        kernels = [w for w in build_densenet(height=32, classes=5).get_weights() if w.shape == (3, 3, 128, 8)]
        self.assertGreater(len(kernels), 1)
        self.assertNotAllEqual(kernels[0], kernels[1])

    def test_regularises_the_three_bare_convolutions_only(self):
        self.assertLen(build_densenet(height=32, classes=5).losses, 3)


class PaddedTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plain, cls.padded = (
            build_densenet(height=32, classes=7, padded=padded) for padded in (False, True)
        )
        cls.initial = cls.plain.get_weights(), cls.padded.get_weights()
        set_random_weights(cls.plain)
        cls.lines = [images.normalise(draw_levels(width, width=width))[..., None] for width in WIDTHS]
        # Without the mean of their logits lines say different things, of more than a character.
        logits = [cls.plain(line[None], training=False)[0] for line in cls.lines]
        cls.plain.get_layer("logits").bias.assign_sub(np.concatenate(logits).mean(axis=0))
        cls.alone = [cls.plain(line[None], training=False)[0] for line in cls.lines]
        cls.padded.set_weights(cls.plain.get_weights())

    @parameterized.parameters((63, 0.0), (64, 9.0), (65, -1e4), (96, 0.5))
    def test_lines_of_any_width_give_in_a_batch_what_they_give_alone(self, width, padding):
        batch = [pad(self.lines, width, padding), np.array(WIDTHS, np.int32)]
        together = self.padded(batch, training=False)
        self.assertEqual(together.shape[:2], (5, (width + width % 2) // 8))
        readings = decode_best_path(together, (batch[1] + 1) // 8).ids.to_list()
        for row, own, reading in zip(together, self.alone, readings, strict=True):
            self.assertAllClose(row[: len(own)], own, rtol=1e-4, atol=1e-4)
            self.assertEqual(reading, decode_best_path(own[None], [len(own)]).ids.to_list()[0])
        self.assertGreater(max(map(len, readings)), 2)

    def test_frames_of_four_pixels_too_are_in_a_batch_what_they_are_alone(self):
        with shallow_network():
            plain, padded = (
                build_densenet(height=32, classes=7, padded=padded, frame_stride=4) for padded in (False, True)
            )
        set_random_weights(plain)
        padded.set_weights(plain.get_weights())
        together = padded([pad(self.lines, 64, 9.0), np.array(WIDTHS, np.int32)], training=False)
        for row, line in zip(together, self.lines, strict=True):
            own = plain(line[None], training=False)[0]
            self.assertLen(own, (line.shape[1] + 1) // 4)
            self.assertAllClose(row[: len(own)], own, rtol=1e-4, atol=1e-4)

    def test_rows_that_fill_up_a_batch_change_no_line(self):
        lines = [*self.lines, np.full((32, 64, 1), 0.3, np.float32)]
        together = self.padded([pad(lines, 64, 0.0), np.array([*WIDTHS, 0], np.int32)], training=False)
        self.assertAllEqual(tf.math.is_finite(together), tf.ones_like(together, tf.bool))
        for row, own in zip(together[:5], self.alone, strict=True):
            self.assertAllClose(row[: len(own)], own, rtol=1e-4, atol=1e-4)

    def test_levels_are_normalised_on_their_way_in(self):
        levels = np.stack([draw_levels(k, width=50) for k in (1, 2)])[..., None]
        width = tf.constant([50, 33])
        for model, inputs in ((self.plain, lambda image: image), (self.padded, lambda image: [image, width])):
            called = call_densenet(model, {"image": tf.constant(levels), "width": width}, training=False)
            self.assertAllEqual(called, model(inputs(tf.constant(images.normalise(levels))), training=False))

    def test_learns_from_padded_lines_what_it_learns_from_them_unpadded(self):
        lines = [images.normalise(draw_levels(k, width=45))[..., None] for k in range(2)]
        inputs = {False: np.stack(lines), True: [pad(lines, 64, 9.0), np.array([45, 45], np.int32)]}
        results = []
        for padded in (False, True):
            model = build_densenet(height=32, classes=7, padded=padded)
            model.set_weights(self.plain.get_weights())
            for layer in model.layers:
                if isinstance(layer, SeededDropout):  # it draws by place, and there are more places
                    layer.rate = 0.0
            with tf.GradientTape() as tape:
                logits = model(inputs[padded], training=True)[:, :5]
                loss = tf.reduce_mean(tf.square(logits))
            gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
            results.append((logits, gradients, model.get_weights()))
        (logits, gradients, weights), (padded_logits, padded_gradients, padded_weights) = results
        self.assertAllClose(logits, padded_logits, rtol=1e-4, atol=1e-4)
        self.assertAllClose(weights, padded_weights, rtol=1e-4, atol=1e-5)
        # Of some biases, which the statistics take out again, gradients are nothing but rounding.
        largest = max(np.abs(gradient).max() for gradient in gradients)
        self.assertAllClose(gradients, padded_gradients, rtol=1e-3, atol=1e-5 * largest)

    @parameterized.parameters(True, False)
    def test_weights_saved_with_padding_load_without_and_back(self, padded):
        path = os.path.join(self.create_tempdir().full_path, "best.weights.h5")
        (self.padded if padded else self.plain).save_weights(path)
        loaded = build_densenet(height=32, classes=7, seed=2, padded=not padded)
        loaded.load_weights(path)
        for one, other in zip(self.plain.get_weights(), loaded.get_weights(), strict=True):
            self.assertAllEqual(one, other)

    def test_initial_weights_are_those_without_padding(self):
        for one, other in zip(*self.initial, strict=True):
            self.assertAllEqual(one, other)


if __name__ == "__main__":
    tf.test.main()
