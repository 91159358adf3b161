"""Training and reading of lines of any width: neither padding nor filler rows change a result."""

import contextlib
import csv
import dataclasses
import io
import math
import os
import shutil
import tempfile
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.model.network.ctc import ctc_loss, decode_best_path
from densenet_ocr.model.network.densenet import build_densenet, call_densenet
from densenet_ocr.model.network.distribution import choose_strategy, distribute
from densenet_ocr.model.network.layers import FusedBatchNormalization, SeededDropout
from densenet_ocr.model.reading import evaluation
from densenet_ocr.model.reading.config import EvaluateConfig, PredictConfig
from densenet_ocr.model.reading.evaluation import evaluate
from densenet_ocr.model.reading.image_paths import find_images
from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.reading.prediction import predict
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.model.training import trainer as training_module
from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig, TrainConfig
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.run_folder import RunFolder, open_run
from densenet_ocr.model.training.step import StepLoss, make_step
from densenet_ocr.model.training.trainer import train
from densenet_ocr.model.training.weights import load_model
from densenet_ocr.pipeline.dataset import count_steps, evaluation_input, training_input
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.geometry import Geometry
from tests.messages import user_error
from tests.model.training.disturbance import read_weights
from tests.samples import CHARSET, conversion, convert_lines, draw_levels, shallow_network, write_lines

# Width of line k: two buckets of several lines and one of a single line, which leaves one replica of two empty.
WIDTHS = (17, 20, 22, 50, 52, 54, 100)
TRUTH = "0123456"
EACH_ONCE, TWENTY_TIMES = "test", "train"
SETTINGS = TrainConfig(batch_size=4, epochs=2, learning_rate=6e-3, seed=3)


def convert_both(folder: str) -> str:
    """Makes a data set with a split that has each line once, and one that has each line twenty times."""
    write_lines(folder, len(WIDTHS), widths=WIDTHS)
    path = os.path.join(folder, "train.txt")
    with open(path) as file:
        rows = file.read()
    for split, copies in ((EACH_ONCE, 1), (TWENTY_TIMES, 20)):
        with open(path, "w") as file:
            file.write(rows * copies)
        config = conversion(folder, image_width=0, image_encoding="uint8", split=split, duplicates="keep")
        convert(config, workers=1)
    return config.output


def read_history(run: str) -> list[dict]:
    with open(os.path.join(run, "history.csv")) as file:
        return list(csv.DictReader(file))


def read_alone(recognizer: Recognizer) -> list[str]:
    return [recognizer.read(draw_levels(number, width=width)).text for number, width in enumerate(WIDTHS)]


class AnyWidthTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.data, cls.run_folder = convert_both(folder), os.path.join(folder, "run")
        cls.info = load_dataset_info(cls.data)
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            cls.result = cls.train(
                cls.run_folder, checkpoints=CheckpointConfig(checkpoint_steps=5, keep_checkpoints=100)
            )
        cls.progress = stderr.getvalue()
        cls.steps = count_steps(cls.info, TWENTY_TIMES, SETTINGS.batch_size)

    @classmethod
    def train(cls, run: str, *, training: TrainConfig = SETTINGS, strategy: str = "one", **options) -> dict:
        return train(
            config=training, devices=DeviceConfig(strategy=strategy), data=cls.data, run=run, **options
        )

    def test_learns_to_read(self):
        self.assertEqual((self.result["step"], self.result["lines"]), (2 * self.steps, len(WIDTHS)))
        self.assertGreaterEqual(float(read_history(self.run_folder)[-1]["val_exact_match"]), 0.8)

    def test_progress_counts_lines_without_filler_rows(self):
        for epoch in (1, 2):
            self.assertIn(f"epoch {epoch} of 2: 140 of 140 images", self.progress)

    @parameterized.parameters(("epoch-0001.weights.h5", 7), ("epoch-0002.weights.h5", 1))
    def test_evaluation_scores_each_line_as_it_is_read_alone(self, checkpoint, batch_size):
        texts = read_alone(Recognizer(self.run_folder, checkpoint))
        result = evaluate(
            load_network(self.run_folder, checkpoint),
            EvaluateConfig(data=self.data, split=EACH_ONCE, batch_size=batch_size),
        )
        self.assertGreater(len(set(texts)), 1)
        self.assertEqual(result["lines"], len(WIDTHS))
        self.assertAllClose(result["exact_match"], np.mean([text == TRUTH[k] for k, text in enumerate(texts)]))
        # Of two strings, one of which has a character, the edits are those that leave this one alone.
        edits = [max(len(text), 1) - (TRUTH[k] in text) for k, text in enumerate(texts)]
        self.assertAllClose(result["cer"], np.mean(edits))

    def test_a_batch_reads_each_line_as_it_is_read_alone(self):
        model, texts = load_model(self.run_folder, "epoch-0001.weights.h5", padded=True)[0], {}
        where = {"folder": self.data, "info": self.info, "split": EACH_ONCE}
        for batch in evaluation_input(**where, batch_size=7, replicas=2, normalised=False):
            path = decode_best_path(call_densenet(model, batch, training=False), batch["frames"])
            for key, ids in zip(batch["key"].numpy(), path.ids.to_list(), strict=True):
                texts[key.decode()] = self.info.charset.decode(ids)
        del texts[""]  # rows that fill up batches
        alone = read_alone(Recognizer(self.run_folder, "epoch-0001.weights.h5"))
        self.assertEqual(texts, {f"{k}.png": text for k, text in enumerate(alone)})

    def test_a_picture_shows_the_first_lines_without_padding(self):
        path = os.path.join(self.create_tempdir().full_path, "sheet.png")
        texts = read_alone(Recognizer(self.run_folder))
        with mock.patch.object(evaluation, "draw_readings", wraps=evaluation.draw_readings) as draw:
            evaluate(
                load_network(self.run_folder),
                EvaluateConfig(data=self.data, split=EACH_ONCE, picture=path, picture_lines=6),
            )
        (lines,) = draw.call_args.args
        self.assertLen(lines, 6)
        for line in lines:
            number = int(line.truth)
            self.assertAllEqual(line.levels, draw_levels(number, width=WIDTHS[number]))
            self.assertEqual(line.reading.text, texts[number])
        self.assertGreater(os.path.getsize(path), 0)

    def test_predict_reads_images_of_any_width(self):
        paths = [os.path.join(os.path.dirname(self.data), f"{k}.png") for k in range(len(WIDTHS))]
        recognizer, images = Recognizer(self.run_folder), list(find_images(paths))
        with contextlib.redirect_stdout(io.StringIO()) as stdout:
            self.assertEqual(predict(recognizer, images, PredictConfig()), 0)
        rows = [row.split("\t") for row in stdout.getvalue().splitlines()]
        self.assertEqual([row[0] for row in rows], paths)
        self.assertEqual([row[1] for row in rows], read_alone(Recognizer(self.run_folder)))

    def test_a_model_of_one_width_evaluates_lines_of_any_width(self):
        run = os.path.join(self.create_tempdir().full_path, "run")
        info = DatasetInfo(CHARSET, Geometry(32, 64), "uint8")
        weights = open_run(RunFolder(run), RunConfig(SETTINGS, "data"), info).weights
        shutil.copy(os.path.join(self.run_folder, "weights", "best.weights.h5"), weights)
        networks = [load_network(model) for model in (run, self.run_folder)]
        results = [evaluate(network, EvaluateConfig(data=self.data, split=EACH_ONCE)) for network in networks]
        for name in ("lines", "exact_match", "cer"):
            self.assertEqual(results[0][name], results[1][name])

    def test_a_model_of_any_width_evaluates_lines_of_one_width(self):
        data = convert_lines(self.create_tempdir().full_path, 9)
        recognizer = Recognizer(self.run_folder)
        exact = [recognizer.read(draw_levels(k)).text == str(k) for k in range(9)]
        result = evaluate(load_network(self.run_folder), EvaluateConfig(data=data, split="train", batch_size=4))
        self.assertEqual(result["lines"], 9)
        self.assertAllClose(result["exact_match"], np.mean(exact))

    def test_a_run_that_resumes_within_an_epoch_ends_with_equal_weights(self):
        run = os.path.join(self.create_tempdir().full_path, "run")
        shutil.copytree(self.run_folder, run)
        lost = [f"ckpt-{step}." for step in range(self.steps + 4, 2 * self.steps + 1)]
        for name in os.listdir(os.path.join(run, "checkpoints")):
            if name.startswith(tuple(lost)):
                os.remove(os.path.join(run, "checkpoints", name))
        path = os.path.join("weights", "epoch-0002.weights.h5")
        os.remove(os.path.join(run, path))
        again = self.train(run)
        ours, undisturbed = (read_weights(os.path.join(folder, path)) for folder in (run, self.run_folder))
        for name, values in undisturbed.items():
            self.assertEqual(ours[name].tobytes(), values.tobytes(), name)
        for name in ("step", "loss", "lines", "exact_match", "cer"):
            self.assertEqual(again[name], self.result[name])

    def test_the_error_of_a_nan_loss_names_lines_and_no_filler_rows(self):
        run = os.path.join(self.create_tempdir().full_path, "run")
        training = dataclasses.replace(SETTINGS, train_split=EACH_ONCE)
        with (
            mock.patch.object(training_module, "make_step", return_value=lambda batch: StepLoss(math.nan, 4.0)),
            user_error("training loss of step 1", "nan", "--learning_rate", ": 2.png, 1.png, 0.png. "),
        ):
            self.train(run, training=training, strategy="mirrored")

    def test_losses_are_finite_when_a_replica_has_no_line(self):
        run = os.path.join(self.create_tempdir().full_path, "run")
        training = dataclasses.replace(SETTINGS, train_split=EACH_ONCE, validation_split=EACH_ONCE, epochs=1)
        result = self.train(run, training=training, strategy="mirrored")
        self.assertEqual(result["lines"], len(WIDTHS))
        (row,) = read_history(run)
        for name in ("loss", "val_loss"):
            self.assertTrue(math.isfinite(float(row[name])), name)

    def make_model(self, *, padded: bool) -> keras.Model:
        """A model without what differs by replica: batch statistics, dropout."""
        model = build_densenet(height=32, classes=CHARSET.classes, padded=padded)
        for layer in model.layers:
            layer.trainable = not isinstance(layer, FusedBatchNormalization)
            if isinstance(layer, SeededDropout):
                layer.rate = 0.0
        return model

    def train_a_pass(self, strategy: tf.distribute.Strategy) -> tuple[list[float], list[np.ndarray]]:
        """Losses and weights of SGD steps over the lines, in the batches that two replicas get."""
        where = {"folder": self.data, "info": self.info, "split": EACH_ONCE}
        with strategy.scope():
            model, optimizer = self.make_model(padded=True), keras.optimizers.SGD(1e-3)
            optimizer.build(model.trainable_variables)
        dataset = training_input(**where, batch_size=4, seed=3, replicas=2, normalised=False)
        batches = distribute(dataset, strategy)
        step = make_step(model, optimizer, strategy, TrainConfig(batch_size=4, seed=3), batches.element_spec)
        batches, steps = iter(batches), count_steps(self.info, EACH_ONCE, 4, 2)
        return [float(step(next(batches)).mean) for _ in range(steps)], model.get_weights()

    def find_first_loss(self) -> float:
        """The mean of the losses that the lines of the first of those batches have alone."""
        model, losses = self.make_model(padded=False), []
        where = {"folder": self.data, "info": self.info, "split": EACH_ONCE}
        batch = next(iter(training_input(**where, batch_size=4, seed=3, replicas=2)))
        self.assertAllEqual(batch["weight"], [1, 1, 1, 0])
        for k in np.flatnonzero(batch["weight"]):
            logits = model(batch["image"][k : k + 1, :, : int(batch["width"][k])], training=False)
            line = {name: batch[name][k : k + 1] for name in ("frames", "label", "label_length")}
            losses.append(ctc_loss(logits=logits, **line)[0])
        return np.mean(losses)

    def test_two_replicas_make_the_same_updates_as_one(self):
        losses_one, weights_one = self.train_a_pass(choose_strategy("one"))
        losses_two, weights_two = self.train_a_pass(choose_strategy("mirrored"))
        self.assertAllClose(losses_one, losses_two, rtol=1e-5)
        self.assertAllClose(losses_one[0], self.find_first_loss(), rtol=1e-5)
        start = self.make_model(padded=True).get_weights()
        for one, two in zip(weights_one, weights_two, strict=True):
            self.assertAllClose(one, two, atol=1e-5)
        self.assertGreater(max(np.abs(a - b).max() for a, b in zip(weights_one, start, strict=True)), 1e-3)


if __name__ == "__main__":
    tf.test.main()
