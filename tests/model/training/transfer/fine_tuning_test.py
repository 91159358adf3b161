"""Fine-tuning: a frozen trunk stays to the bit, and the run that it began with may go."""

import dataclasses
import json
import os
import shutil
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.densenet import HEAD
from densenet_ocr.model.reading.config import EvaluateConfig
from densenet_ocr.model.reading.evaluation import evaluate
from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig
from densenet_ocr.model.training.trainer import Trainer, train
from densenet_ocr.model.training.weights import load_model
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from tests.model.training.disturbance import Lost
from tests.model.training.transfer.transfer_case import make_run, settings
from tests.samples import convert_lines, draw_levels, shallow_network


def trunk_of(model) -> list[np.ndarray]:
    return [v.numpy() for layer in model.layers if layer.name != HEAD for v in layer.trainable_variables]


class FineTuningTest(tf.test.TestCase):
    """Three steps an epoch, of which the first four hold the trunk: all of epoch 1 and one step of epoch 2."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.data, cls.old = convert_lines(cls.folder, 13), make_run(cls.folder)
        # AdamW, because its decay moves weights whatever their gradients are.
        optimizer = {"optimizer": "adamw", "weight_decay": 0.1, "batch_size": 4}
        cls.settings = settings(cls.old, "union", freeze_trunk_steps=4, epochs=2, **optimizer)
        cls.run_folder = cls.train("whole")

    @classmethod
    def train(cls, name: str, **saving) -> str:
        run, saving = os.path.join(cls.folder, name), CheckpointConfig(**saving)
        train(config=cls.settings, devices=DeviceConfig(), data=cls.data, run=run, checkpoints=saving)
        return run

    def lose(self, name: str, steps: int) -> None:
        """Trains until the checkpoint after so many steps, and is lost there."""

        def save_or_be_lost(trainer, state, save=Trainer._save):
            save(trainer, state)
            if state.step == steps:
                raise Lost

        with mock.patch.object(Trainer, "_save", save_or_be_lost), self.assertRaises(Lost):
            self.train(name, checkpoint_steps=1)

    def test_the_trunk_stays_to_the_bit_while_it_is_held_and_moves_afterwards(self):
        old = load_model(self.old)[0]
        first, last = (load_model(self.run_folder, f"epoch-000{n}.weights.h5")[0] for n in (1, 2))
        for before, held, moved in zip(*map(trunk_of, (old, first, last)), strict=True):
            self.assertEqual(before.tobytes(), held.tobytes())
            self.assertNotAllEqual(held, moved)
        self.assertNotAllEqual(old.get_layer(HEAD).bias[-1], first.get_layer(HEAD).bias[-1])
        means = [model.non_trainable_variables[0].numpy() for model in (old, first)]
        self.assertNotAllEqual(*means)

    def test_resumes_to_the_same_bits_when_the_old_run_is_gone(self):
        self.lose("lost", 0)  # before the first step
        os.rename(self.old, self.old + "-gone")
        self.addCleanup(os.rename, self.old + "-gone", self.old)
        self.lose("lost", 2)  # while the trunk is held
        again, whole = (
            load_model(run, "epoch-0002.weights.h5")[0] for run in (self.train("lost"), self.run_folder)
        )
        for ours, theirs in zip(again.get_weights(), whole.get_weights(), strict=True):
            self.assertEqual(ours.tobytes(), theirs.tobytes())

    def test_readers_see_the_characters_of_both(self):
        info = load_dataset_info(self.run_folder)
        self.assertEqual(info.charset.characters, "0123456789ab xy")
        self.assertEqual(
            evaluate(load_network(self.run_folder), EvaluateConfig(data=self.data, split="train"))["lines"], 13
        )
        reading = Recognizer(self.run_folder).read(draw_levels(1))
        self.assertLessEqual(set(reading.text), set(info.charset.characters))

    def test_other_data_do_not_resume_the_run(self):
        data = convert_lines(self.create_tempdir().full_path, 9)
        with self.assertRaisesRegex(UserError, "another data set than that of the run"):
            train(config=self.settings, devices=DeviceConfig(), data=data, run=self.run_folder)

    def test_a_run_from_before_init_charset_resumes(self):
        run = os.path.join(self.folder, "before")
        shutil.copytree(self.run_folder, run)
        with open(os.path.join(run, "config.json"), "r+") as file:
            config = json.load(file)
            del config["training"]["init_charset"]
            file.seek(0)
            file.truncate()
            json.dump(config, file)
        self.train("before")

    def test_what_is_refused_leaves_no_run(self):
        run = os.path.join(self.create_tempdir().full_path, "run")
        with self.assertRaisesRegex(UserError, "charset of the data: received 3 characters"):
            train(
                config=dataclasses.replace(self.settings, charset_mode="fail"),
                devices=DeviceConfig(),
                data=self.data,
                run=run,
            )
        self.assertEmpty(os.listdir(run))


if __name__ == "__main__":
    tf.test.main()
