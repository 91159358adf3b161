"""A second head trains the network, is in the checkpoints of a run, and never in what readers load."""

import dataclasses
import json
import os
import tempfile

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig, TrainConfig
from densenet_ocr.model.training.memory import estimate_memory
from densenet_ocr.model.training.run.run_config import load_run_config
from densenet_ocr.model.training.trainer import train
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.geometry import Geometry
from tests.messages import user_error
from tests.model.training.disturbance import Lost, after_step, read_weights
from tests.samples import CHARSET, convert_any_width, convert_lines, draw_levels, shallow_network

SETTINGS = TrainConfig(batch_size=4, epochs=2, seed=3, second_head=0.3, ema_decay=0.9, validation_split="train")
LAST = os.path.join("weights", "epoch-0002.weights.h5")


class SecondHeadTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.root = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.data = convert_lines(cls.root, 8)
        cls.with_head, cls.without = (os.path.join(cls.root, name) for name in ("with", "without"))
        cls.expected = cls.train(cls.with_head)
        cls.train(cls.without, second_head=0.0)

    @classmethod
    def train(cls, run, data=None, strategy="one", steps=0, **changes) -> dict:
        return train(
            config=dataclasses.replace(SETTINGS, **changes),
            devices=DeviceConfig(strategy=strategy),
            data=data or cls.data,
            run=run,
            checkpoints=CheckpointConfig(checkpoint_steps=steps),
        )

    def make_folder(self) -> str:
        return os.path.join(self.create_tempdir().full_path, "run")

    def test_it_changes_the_weights_and_adds_none_to_those_that_readers_load(self):
        ours, plain = (read_weights(os.path.join(run, LAST)) for run in (self.with_head, self.without))
        self.assertEqual({n: a.shape for n, a in ours.items()}, {n: a.shape for n, a in plain.items()})
        self.assertTrue(any((ours[name] != plain[name]).any() for name in ours))
        logits = load_network(self.with_head).compute_logits(draw_levels(1)[None], [64])
        self.assertEqual(logits.shape, (1, 8, CHARSET.classes))

    def test_only_a_run_with_it_has_it_in_its_configuration(self):
        with open(os.path.join(self.without, "config.json"), encoding="utf-8") as file:
            self.assertNotIn("second_head", json.load(file)["training"])
        self.assertEqual(load_run_config(os.path.join(self.with_head, "config.json")).training.second_head, 0.3)

    def test_a_run_lost_at_a_step_ends_with_the_weights_of_an_undisturbed_one(self):
        def be_lost():
            raise Lost

        run = self.make_folder()
        with self.assertRaises(Lost), after_step(3, be_lost):
            self.train(run, steps=1)
        self.assertEqual(self.train(run)["loss"], self.expected["loss"])
        ours, theirs = (read_weights(os.path.join(folder, LAST)) for folder in (run, self.with_head))
        for name in theirs:
            self.assertEqual(ours[name].tobytes(), theirs[name].tobytes(), name)

    def test_a_run_resumes_with_the_weight_that_it_has(self):
        with user_error(f"run {self.with_head}", "--second_head=0.5", "--second_head=0.3"):
            self.train(self.with_head, second_head=0.5, epochs=3)

    @parameterized.parameters(("with", 0.0, "one"), ("without", 0.3, "mirrored"))
    def test_runs_begin_with_the_weights_of_each_other(self, name, weight, strategy):
        source = os.path.join(self.root, name)
        settings = {"init_from": source, "second_head": weight, "learning_rate": 1e-9, "ema_decay": 0.0}
        self.train(run := self.make_folder(), strategy=strategy, epochs=1, freeze_trunk_steps=9, **settings)
        first, last = (load_network(folder).model.trainable_variables for folder in (source, run))
        for old, new in zip(first, last, strict=True):
            self.assertAllClose(old, new, atol=1e-6)

    def test_lines_of_any_width_train_with_it(self):
        data = convert_any_width(self.create_tempdir().full_path, [40, 64, 50, 64])
        self.assertGreater(self.train(self.make_folder(), data, epochs=1)["loss"], 0)

    def test_its_logits_count_in_the_memory_of_a_step(self):
        info = DatasetInfo(CHARSET, Geometry(32, 280), "uint8")
        more, less = (
            estimate_memory(dataclasses.replace(SETTINGS, second_head=weight), info) for weight in (0.3, 0.0)
        )
        self.assertEqual(more - less, 4 * 35 * CHARSET.classes * 12)


if __name__ == "__main__":
    tf.test.main()
