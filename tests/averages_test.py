"""The moving average of the weights: what it is, where it is used, that it survives a stop."""

import os
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from model.averages import Averages
from model.config import Devices, Saving, Training
from model.densenet import build_densenet
from model.distribution import choose_strategy
from model.evaluation import evaluate
from model.training import Trainer, train
from tests.samples import convert_lines


def make_model(value=1.0) -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), keras.layers.BatchNormalization()])
    model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])
    return model


def lose_after(saves, save):
    """Trainer._save that ends the run once it has saved so often."""
    left = iter(range(saves - 1))

    def save_or_end(trainer, state):
        save(trainer, state)
        if next(left, None) is None:
            raise InterruptedError

    return save_or_end


class AveragesTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters("one", "mirrored")
    def test_moves_towards_the_weights_and_gives_them_back(self, strategy):
        with choose_strategy(strategy).scope():
            model = make_model(1.0)
            averages = Averages(model, decay=0.5)
        update = tf.function(averages.update)
        model.set_weights([np.full_like(weight, 3.0) for weight in model.get_weights()])
        update(tf.constant(100))
        update(tf.constant(101))
        with averages.in_place():
            for weight in model.get_weights():  # 1 -> 2 -> 2.5
                self.assertAllEqual(weight, np.full_like(weight, 2.5))
        for weight in model.get_weights():
            self.assertAllEqual(weight, np.full_like(weight, 3.0))

    def test_the_first_steps_count_more(self):
        model = make_model(0.0)
        averages = Averages(model, decay=0.999)
        model.set_weights([np.full_like(weight, 1.0) for weight in model.get_weights()])
        averages.update(tf.constant(1))
        with averages.in_place():
            self.assertAllClose(model.get_weights()[0], np.full((2, 1), 1 - 2 / 11))

    def test_a_decay_of_0_keeps_none(self):
        model = make_model()
        averages = Averages(model, decay=0.0)
        averages.update(tf.constant(1))
        self.assertEmpty(averages.variables)
        with averages.in_place():
            self.assertAllEqual(model.get_weights()[0], np.ones((2, 1)))


class TrainingTest(tf.test.TestCase):
    def test_a_run_reads_with_its_averages_and_goes_on_to_the_same_ones(self):
        folder = self.create_tempdir().full_path
        data = convert_lines(folder, 12)
        training = Training(batch_size=4, epochs=2, ema_decay=0.9, validation_split="train", seed=3)
        runs = [os.path.join(folder, name) for name in ("whole", "resumed")]
        result = train(training=training, devices=Devices(), data=data, run=runs[0])
        with (
            mock.patch.object(Trainer, "_save", lose_after(2, Trainer._save)),
            self.assertRaises(InterruptedError),
        ):
            train(
                training=training, devices=Devices(), data=data, run=runs[1], saving=Saving(checkpoint_steps=1)
            )
        train(training=training, devices=Devices(), data=data, run=runs[1])
        models = [build_densenet(height=32, classes=14) for _ in runs]
        for model, run in zip(models, runs, strict=True):
            model.load_weights(os.path.join(run, "weights", "epoch-0002.weights.h5"))
        for whole, resumed in zip(*(model.get_weights() for model in models), strict=True):
            self.assertAllEqual(whole, resumed)
        self.assertEqual(evaluate(model=runs[0], data=data, split="train")["cer"], result["cer"])


if __name__ == "__main__":
    tf.test.main()
