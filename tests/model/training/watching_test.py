"""A run's summaries are there once for each epoch, and what is drawn for people never disturbs a training."""

import collections
import io
import os
import sys
from unittest import mock

import keras
import numpy as np
import PIL.Image
import tensorflow as tf

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.network.metrics import Scores
from densenet_ocr.model.training import trainer as training_module
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.monitoring.callbacks import Board, Curves, Readings
from densenet_ocr.model.training.run.checkpoints import Checkpoints
from densenet_ocr.model.training.run.run_folder import RunFolder
from densenet_ocr.model.training.step import StepLoss
from densenet_ocr.model.training.trainer import train
from densenet_ocr.model.training.validation import Validation
from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from tests.model.training.disturbance import Lost
from tests.samples import convert_lines, shallow_network


def read_summaries(folder: str) -> dict[str, dict[str, list]]:
    """The summaries of a run by folder and tag, as (step, value) in order; the network's graph is left out."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for path in sorted(tf.io.gfile.glob(os.path.join(folder, "*", "events*"))):
        for data in tf.data.TFRecordDataset(path).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(data)
            for value in event.summary.value:
                if value.tag != "keras":
                    name = os.path.basename(os.path.dirname(path))
                    found[name][value.tag].append((event.step, tf.make_ndarray(value.tensor)))
    return found


def steps_of(summaries: dict[str, list]) -> dict[str, list[int]]:
    return {tag: [step for step, _ in values] for tag, values in summaries.items()}


class RunTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(shallow_network())
        folder = self.create_tempdir().full_path
        self.data, self.run = convert_lines(folder, 10), RunFolder(os.path.join(folder, "run"))

    def train(self, split: str | None = "train"):
        """Trains with a step and a validation that do nothing, at a rate of 0.5."""
        training = TrainConfig(batch_size=4, epochs=3, validation_split=split, learning_rate=0.5)
        scores = Scores(lines=10, loss=2.0, exact_match=0.5, cer=0.1, loss_rounds_to_0=0.25)
        with (
            mock.patch.object(training_module, "make_step", return_value=lambda batch: StepLoss(1.0, 4.0)),
            mock.patch.object(Validation, "run", return_value=(scores, {})),
        ):
            train(config=training, devices=DeviceConfig(), data=self.data, run=self.run.path)

    def lose_after_epoch(self, number: int):
        """Trains, and is lost when epoch `number` has been written down, but no checkpoint of it saved."""
        undisturbed = Checkpoints.save

        def save(checkpoints, state, *, step):
            if state["epoch"] == number:
                raise Lost
            undisturbed(checkpoints, state, step=step)

        with mock.patch.object(Checkpoints, "save", save), self.assertRaises(Lost):
            self.train()

    def test_each_epoch_has_its_summaries_once_although_the_run_was_lost(self):
        self.lose_after_epoch(2)
        self.assertTrue(os.path.exists(self.run.curves))
        self.train()
        found = read_summaries(self.run.tensorboard)
        figures = ("loss", "learning_rate", "images_per_second", "input_wait_share")
        self.assertEqual(steps_of(found["train"]), {f"epoch_{name}": [0, 1, 2] for name in figures})
        scores = ("epoch_loss", "epoch_exact_match", "epoch_cer", "epoch_loss_rounds_to_0")
        self.assertEqual(steps_of(found["validation"]), {name: [0, 1, 2] for name in (*scores, "readings")})
        self.assertEqual([float(value) for _, value in found["train"]["epoch_learning_rate"]], [0.5] * 3)
        for _, (width, height, png) in found["validation"]["readings"]:
            self.assertEqual(tf.io.decode_png(png).shape, (int(height), int(width), 3))

    def test_a_run_that_is_lost_in_its_first_epoch_loses_no_summaries_of_the_next_attempt(self):
        self.lose_after_epoch(1)
        self.train()
        found = read_summaries(self.run.tensorboard)
        self.assertEqual(steps_of(found["train"])["epoch_loss"], [0, 1, 2])
        self.assertEqual(steps_of(found["validation"])["readings"], [0, 1, 2])

    def test_without_validation_no_lines_are_read_and_progress_is_still_logged(self):
        with (
            mock.patch.object(Readings, "__init__") as readings,
            mock.patch.object(sys, "stderr", io.StringIO()) as stderr,
            self.assertLogs(level="INFO") as logs,
        ):
            self.train(split=None)
        readings.assert_not_called()
        self.assertRegex(
            stderr.getvalue(), r"epoch 1 of 3: 8 of 8 images, .*/s, 0:0\d, loss 1, input wait [0-9.]+%\n"
        )
        self.assertRegex("\n".join(logs.output), "epoch 3 of 3: loss 1, learning rate 0.5, .*input wait")
        self.assertNotIn("validation", read_summaries(self.run.tensorboard))
        self.assertTrue(os.path.exists(self.run.curves))

    def test_a_run_that_had_ended_gets_its_curves(self):
        self.train()
        before = PIL.Image.open(self.run.curves).tobytes()
        os.remove(self.run.curves)
        self.train()
        self.assertEqual(PIL.Image.open(self.run.curves).tobytes(), before)


class BoardTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")], name="net")
        self.model.compile(optimizer="adam")

    def write(self, epochs: int, **settings):
        board = Board(self.folder, **{"histogram_epochs": 0, "readings": None, **settings})
        board.set_model(self.model)
        board.on_train_begin()
        for epoch in range(epochs):
            board.on_epoch_end(epoch, {"loss": 1.0, "val_loss": 2.0})

    def test_an_epochs_summaries_are_on_disk_when_it_ends(self):
        self.write(1)
        self.assertEqual(steps_of(read_summaries(self.folder)["validation"]), {"epoch_loss": [0]})

    def test_weights_have_histograms_if_asked_for(self):
        self.write(4, histogram_epochs=3)
        steps = steps_of(read_summaries(self.folder)["train"])
        self.assertEqual(steps["net/dense/kernel/histogram"], [0, 3])
        self.assertEqual(steps["net/dense/bias/histogram"], [0, 3])
        self.assertEqual(steps["epoch_loss"], [0, 1, 2, 3])

    def test_weights_have_none_else(self):
        self.write(2)
        self.assertEqual(set(read_summaries(self.folder)["train"]), {"epoch_loss", "epoch_learning_rate"})

    def test_a_picture_that_cannot_be_drawn_ends_no_training(self):
        readings = mock.Mock()
        readings.draw.side_effect = OSError("font is damaged")
        with self.assertLogs(level="WARNING") as logs:
            self.write(1, readings=readings)
            Curves(RunFolder(self.folder)).on_epoch_end(0)
        self.assertIn("readings: not drawn (OSError: font is damaged)", logs.output[0])
        self.assertIn("curves: not drawn (UserError: ", logs.output[1])
        self.assertEqual(steps_of(read_summaries(self.folder)["validation"]), {"epoch_loss": [0]})


class ReadingsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.data = convert_lines(self.create_tempdir().full_path, 10)
        mixture = load_mixture(self.data)
        self.batches = TrainBatches(mixture, mixture.info, TrainConfig(), tf.distribute.get_strategy())
        self.model = build_densenet(height=32, classes=mixture.info.charset.classes)
        self.readings = Readings(self.batches, self.model, "train")

    def read(self) -> list:
        """What is drawn."""
        with mock.patch("densenet_ocr.model.training.monitoring.callbacks.draw_readings") as draw:
            self.readings.draw()
        return draw.call_args.args[0]

    def test_the_first_lines_are_read_by_the_weights_of_the_time(self):
        kernel, bias = self.model.layers[-1].weights
        kernel.assign(tf.zeros_like(kernel))
        for character in "71":
            bias.assign(20 * tf.one_hot(int(character), bias.shape[0]))
            lines = self.read()
            self.assertEqual([line.reading.text for line in lines], [character] * 8)
        self.assertLen({line.truth for line in lines}, 8)
        self.assertEqual(lines[0].levels.shape, (32, 64))

    def test_a_network_for_lines_of_any_width_reads_them_as_one_for_lines_of_one_width(self):
        padded = build_densenet(height=32, classes=self.batches.info.charset.classes, padded=True)
        for weight, value in zip(padded.weights, self.model.weights, strict=True):
            weight.assign(value)
        expected = self.read()
        self.readings = Readings(self.batches, padded, "train")
        self.assertEqual([line.reading.text for line in self.read()], [line.reading.text for line in expected])
        for line, other in zip(self.read(), expected, strict=True):
            self.assertAllClose(line.reading.confidence, other.reading.confidence, rtol=1e-4)

    def test_reading_changes_no_weight(self):
        before = [np.array(weight) for weight in self.model.weights]
        picture = self.readings.draw()
        self.assertGreater(picture.height, 8 * 32)
        for weight, expected in zip(self.model.weights, before, strict=True):
            self.assertEqual(np.array(weight).tobytes(), expected.tobytes(), weight.path)


if __name__ == "__main__":
    tf.test.main()
