"""The step in other precisions and compiled: the same training, nearly."""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network import densenet
from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.network.distribution import choose_strategy
from densenet_ocr.model.network.precision import use_precision
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.model.training.optimizers import make_optimizer
from densenet_ocr.model.training.step import make_step
from densenet_ocr.model.training.trainer import train
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.errors import UserError
from tests.samples import convert_lines, shallow_network

LINES, WIDTH, FRAMES, CLASSES = 3, 47, 6, 5


def make_batch() -> dict:
    random = np.random.default_rng(0)
    return {
        schema.IMAGE: tf.constant(random.integers(0, 256, (LINES, 32, WIDTH, 1)), tf.uint8),
        schema.WIDTH: tf.fill([LINES], WIDTH),
        schema.FRAMES: tf.fill([LINES], FRAMES),
        schema.LABEL: tf.constant([[0, 1], [1, 1], [3, -1]]),
        schema.LABEL_LENGTH: tf.constant([2, 2, 1]),
        schema.WEIGHT: tf.ones([LINES]),
        schema.KEY: tf.constant(["a", "b", "c"]),
    }


def run_steps(count: int, **settings):
    """Losses of some steps, the weights after them, and the optimizer."""
    training = TrainConfig(batch_size=LINES, learning_rate=1e-3, **settings)
    with use_precision(training.precision):
        model = build_densenet(height=32, classes=CLASSES)
    optimizer = make_optimizer(training, 10)
    optimizer.build(model.trainable_variables)
    step = make_step(model, optimizer, choose_strategy("one"), training)
    return [float(step(make_batch()).mean) for _ in range(count)], model.get_weights(), optimizer


class StepTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.expected, _, _ = run_steps(3)

    @parameterized.parameters("bfloat16", "float16")
    def test_low_precision_trains_as_float32_does(self, precision):
        losses, weights, optimizer = run_steps(3, precision=precision, clip_norm=100.0)
        self.assertAllClose(losses, self.expected, rtol=0.1)
        self.assertLess(losses[-1], losses[0])
        self.assertEqual({weight.dtype for weight in weights}, {np.dtype(np.float32)})
        self.assertEqual(keras.config.dtype_policy().name, "float32")
        if precision == "float16":
            self.assertGreater(float(optimizer.dynamic_scale), 1)

    def test_compiled_it_is_the_same_step(self):
        with mock.patch.object(densenet, "DROPOUT", 0.0):  # XLA draws other random numbers
            expected, _, _ = run_steps(1)
            losses, _, _ = run_steps(1, jit_compile=True)
        self.assertAllClose(losses, expected, rtol=1e-4)

    def test_lines_of_any_width_are_not_compiled(self):
        folder = self.create_tempdir().full_path
        data = convert_lines(folder, 4, image_width=0)
        with self.assertRaisesRegex(
            UserError, "jit_compile: received True for lines of any width, on 1 .*Leave"
        ):
            train(
                config=TrainConfig(jit_compile=True),
                devices=DeviceConfig(),
                data=data,
                run=f"{folder}/run",
            )


if __name__ == "__main__":
    tf.test.main()
