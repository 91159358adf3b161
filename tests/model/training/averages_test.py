"""The moving average of the weights: what it is, where it is used, that it survives a stop."""

import os

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.distribution import choose_strategy
from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig, TrainConfig
from densenet_ocr.model.training.optimizers import MovingAverage
from densenet_ocr.model.training.run.checkpoints import Checkpoints
from densenet_ocr.model.training.trainer import train
from densenet_ocr.model.training.weights import load_model
from tests.samples import convert_lines, shallow_network


def make_model(value=1.0) -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), keras.layers.BatchNormalization()])
    model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])
    return model


class AveragesTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters("one", "mirrored")
    def test_moves_towards_the_weights_and_gives_them_back(self, strategy):
        with choose_strategy(strategy).scope():
            model = make_model(1.0)
            averages = MovingAverage(model, decay=0.5)
        update = tf.function(averages.update)
        model.set_weights([np.full_like(weight, 3.0) for weight in model.get_weights()])
        update(tf.constant(100))
        update(tf.constant(101))
        with averages.applied():
            for weight in model.get_weights():  # 1 -> 2 -> 2.5
                self.assertAllEqual(weight, np.full_like(weight, 2.5))
        for weight in model.get_weights():
            self.assertAllEqual(weight, np.full_like(weight, 3.0))

    def test_the_first_steps_count_more(self):
        model = make_model(0.0)
        averages = MovingAverage(model, decay=0.999)
        model.set_weights([np.full_like(weight, 1.0) for weight in model.get_weights()])
        averages.update(tf.constant(1))
        with averages.applied():
            self.assertAllClose(model.get_weights()[0], np.full((2, 1), 1 - 2 / 11))

    def test_a_decay_of_0_keeps_none(self):
        model = make_model()
        averages = MovingAverage(model, decay=0.0)
        averages.update(tf.constant(1))
        self.assertEmpty(averages.variables)
        with averages.applied():
            self.assertAllEqual(model.get_weights()[0], np.ones((2, 1)))

    def test_a_checkpoint_keeps_them(self):
        folder = self.create_tempdir().full_path
        values = []
        for live in (1.0, 5.0):
            model = make_model(live)
            averages = MovingAverage(model, decay=0.5)
            checkpoints = Checkpoints(
                folder, CheckpointConfig(keep_checkpoints=1), model=model, averages=averages
            )
            if checkpoints.restore() is None:
                model.set_weights([np.full_like(weight, 3.0) for weight in model.get_weights()])
                averages.update(tf.constant(100))
                checkpoints.save({}, step=1)
            with averages.applied():
                values.append(model.get_weights()[0][0, 0])
        self.assertEqual(values, [2.0, 2.0])


class TrainingTest(tf.test.TestCase):
    def test_readers_of_a_run_take_its_averages(self):
        self.enterContext(shallow_network())  # traced in a fraction of the time
        folder = self.create_tempdir().full_path
        data, run = convert_lines(folder, 8), os.path.join(folder, "run")
        training = TrainConfig(batch_size=4, epochs=1, ema_decay=0.9, validation_split="train", seed=3)
        train(config=training, devices=DeviceConfig(), data=data, run=run)
        model, _ = load_model(run)
        own = MovingAverage(model, decay=0.9)
        saved = Checkpoints(os.path.join(run, "checkpoints"), CheckpointConfig(), model=model, averages=own)
        averages = [weight.copy() for weight in model.get_weights()]
        saved.restore()
        self.assertNotAllClose(model.get_weights()[0], averages[0])
        with own.applied():
            for read, kept in zip(averages, model.get_weights(), strict=True):
                self.assertAllEqual(read, kept)


if __name__ == "__main__":
    tf.test.main()
