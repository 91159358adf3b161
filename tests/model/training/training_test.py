"""A run: the files that it writes, when it stops, and that a killed one resumes to equal weights."""

import csv
import dataclasses
import json
import os
from unittest import mock

import h5py
import numpy as np
import tensorflow as tf

from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.model.network.metrics import Scores
from densenet_ocr.model.training import trainer as training_module
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.model.training.preemption import Preempted
from densenet_ocr.model.training.step import StepLoss
from densenet_ocr.model.training.trainer import Trainer, train
from densenet_ocr.model.training.validation import Validation
from densenet_ocr.model.training.weights import load_model
from densenet_ocr.pipeline.errors import UserError
from tests.messages import user_error
from tests.samples import conversion, convert_lines, shallow_network

SETTINGS = TrainConfig(batch_size=4, epochs=3, validation_split="train", learning_rate=1e-3, seed=3)


def read_history(run):
    with open(os.path.join(run, "history.csv")) as file:
        return list(csv.DictReader(file))


def count_values(path: str) -> int:
    """The number of values in all arrays of an HDF5 file."""
    sizes = []
    with h5py.File(path) as file:
        file.visititems(lambda _, item: sizes.append(item.size) if isinstance(item, h5py.Dataset) else None)
    return sum(sizes)


def read_state(run):
    """What the newest checkpoint says beside its variables."""
    newest = tf.train.latest_checkpoint(os.path.join(run, "checkpoints"))
    name = next(name for name, _ in tf.train.list_variables(newest) if name.startswith("state/"))
    return json.loads(tf.train.load_variable(newest, name))


def preempt_in_epoch_3(trainer, state, _batches):
    """Replaces Trainer._train_epoch: a signal arrives in the third epoch."""
    if state.epoch == 2:
        trainer.preemption.name = "SIGTERM"
        trainer._save_if_due(dataclasses.replace(state, step=1), mock.Mock(sum=lambda: (1.0, 4.0)))
    return {"loss": 1.0}


class TrainingTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(shallow_network())
        folder = self.create_tempdir().full_path
        self.data = convert_lines(folder, 10)
        self.run = os.path.join(folder, "run")

    def train(self, settings=SETTINGS, run=None):
        return train(config=settings, devices=DeviceConfig(), data=self.data, run=run or self.run)

    def train_without_network(self, losses, settings=SETTINGS, training_loss=1.0):
        """Trains with a step that does nothing and these validation losses."""
        scores = [
            Scores(lines=10, loss=loss, exact_match=0.5, cer=0.1, loss_rounds_to_0=0.0) for loss in losses
        ]
        with (
            mock.patch.object(
                training_module, "make_step", return_value=lambda batch: StepLoss(training_loss, 4.0)
            ),
            mock.patch.object(Validation, "run", side_effect=[(each, {}) for each in scores]),
        ):
            return self.train(settings)

    def test_stops_after_patience_and_keeps_the_best_epoch(self):
        settings = dataclasses.replace(SETTINGS, patience=2, epochs=50)
        result = self.train_without_network([3.0, 2.0, 2.5, 2.1], settings)
        self.assertLen(read_history(self.run), 4)
        self.assertEqual((result["split"], result["lines"], result["exact_match"]), ("train", 10, 0.5))
        best = read_state(self.run)
        self.assertEqual((best["epoch"], best["stopped"], best["scores"]["loss"]), (4, True, 2.0))

    def test_a_run_stopped_within_an_epoch_remembers_the_best_one(self):
        settings = dataclasses.replace(SETTINGS, patience=2, epochs=50)
        with (
            mock.patch.object(Trainer, "_train_epoch", preempt_in_epoch_3),
            self.assertRaises(Preempted),
        ):
            self.train_without_network([1.0, 2.0], settings)
        result = self.train_without_network([3.0], settings)
        self.assertEqual((result["exact_match"], read_state(self.run)["scores"]["loss"]), (0.5, 1.0))
        self.assertLen(read_history(self.run), 3)

    def test_a_finished_run_is_not_trained_again(self):
        first = self.train_without_network([3.0, 2.0, 1.0])
        with self.assertLogs() as logs:
            self.assertEqual(self.train_without_network([])["exact_match"], first["exact_match"])
        self.assertIn("finished: 3 of 3 epochs", "".join(logs.output))
        self.assertLen(read_history(self.run), 3)

    def test_leaves_all_that_a_reader_needs(self):
        self.train_without_network([3.0, 2.0, 1.0])
        self.assertContainsSubset(
            {
                "config.json",
                "charset.txt",
                "dataset.json",
                "history.csv",
                "weights",
                "checkpoints",
                "tensorboard",
            },
            os.listdir(self.run),
        )
        model, info = load_model(self.run)
        self.assertEqual(model.output_shape[-1], info.charset.classes)
        self.assertNotEmpty(tf.io.gfile.glob(os.path.join(self.run, "tensorboard", "*", "events*")))

    def test_weights_files_hold_weights_and_nothing_of_the_optimizer(self):
        self.train_without_network([3.0, 2.0, 1.0])
        model, _ = load_model(self.run)
        for name in ("best", "epoch-0001", "epoch-0003"):
            self.assertEqual(
                count_values(os.path.join(self.run, "weights", f"{name}.weights.h5")), model.count_params()
            )

    def test_a_run_keeps_its_choice_of_no_validation_when_the_data_get_a_split_for_it(self):
        settings = dataclasses.replace(SETTINGS, validation_split=None, epochs=1)
        self.train_without_network([], settings)
        convert(conversion(os.path.dirname(self.run), split="test"), workers=1)
        for split in (None, "none"):
            result = self.train_without_network([], dataclasses.replace(settings, validation_split=split))
            self.assertIsNone(result["split"])

    def test_other_settings_do_not_resume_a_run(self):
        self.train_without_network([3.0, 2.0, 1.0])
        with self.assertRaisesRegex(
            UserError, "received --learning_rate=0.5, expected --learning_rate=0.001, .* another --run"
        ):
            self.train(dataclasses.replace(SETTINGS, learning_rate=0.5))

    def test_other_data_do_not_resume_a_run(self):
        self.train_without_network([3.0, 2.0, 1.0])
        self.data = convert_lines(self.create_tempdir().full_path, 9)
        with self.assertRaisesRegex(UserError, "another data set than that of the run"):
            self.train()

    def test_a_folder_of_other_things_is_no_run(self):
        os.makedirs(self.run)
        with open(os.path.join(self.run, "thesis.tex"), "w"):
            pass
        with self.assertRaisesRegex(UserError, "a folder with other files and no config.json"):
            self.train()

    def test_a_loss_that_is_no_number_ends_the_run_with_advice(self):
        with user_error("training loss of step 1", "nan", "--learning_rate", ".png"):
            self.train_without_network([], training_loss=np.nan)

    def test_a_step_that_runs_out_of_memory_ends_the_run_with_advice(self):
        exhausted = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        with (
            mock.patch.object(training_module, "make_step", return_value=mock.Mock(side_effect=exhausted)),
            user_error("batch_size 4", "OOM when allocating", "--batch_size"),
        ):
            self.train(dataclasses.replace(SETTINGS, validation_split=None))

    def test_a_missing_split_is_refused(self):
        with self.assertRaisesRegex(UserError, "split: received 'test', expected .*: train"):
            self.train(dataclasses.replace(SETTINGS, validation_split="test"))

    def test_without_a_validation_split_it_trains_all_epochs(self):
        result = self.train_without_network([], dataclasses.replace(SETTINGS, validation_split=None))
        self.assertLen(read_history(self.run), 3)
        self.assertEqual([result[name] for name in ("split", "lines", "exact_match", "cer")], [None] * 4)
        self.assertFalse(os.path.exists(os.path.join(self.run, "weights", "best.weights.h5")))


if __name__ == "__main__":
    tf.test.main()
