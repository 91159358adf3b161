"""A training on a mixture: scores by data set, resume, weights of other runs, and replicas."""

import csv
import json
import os
import shutil
import tempfile

import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.distribution import choose_strategy
from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig, TrainConfig
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.step import make_step
from densenet_ocr.model.training.trainer import train
from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from densenet_ocr.pipeline.mixtures.sources import parse_sources
from tests.messages import user_error
from tests.model.network.steady_network import build_steady_network
from tests.model.training.disturbance import Lost, after_step, read_weights
from tests.samples import CHARSET, convert_any_width, convert_lines, convert_texts, shallow_network

# Ten lines make five steps of eight lines an epoch, two of them real.
SETTINGS = TrainConfig(batch_size=8, epochs=2, seed=3, validation_split="train")


def read_history(run: str) -> list[dict[str, float]]:
    unsteady = ("images_per_second", "input_wait_share")
    with open(os.path.join(run, "history.csv")) as file:
        return [
            {name: float(value) for name, value in row.items() if name not in unsteady}
            for row in csv.DictReader(file)
        ]


class MixtureTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.root = cls.enterClassContext(tempfile.TemporaryDirectory())
        real, made = (os.path.join(cls.root, name) for name in ("real", "made"))
        shutil.move(convert_lines(cls.make("first"), 10), real)
        shutil.move(convert_texts(cls.make("second"), 13, "yx9876543210"), made)
        cls.data = parse_sources([real, f"{made}=3"])

    @classmethod
    def make(cls, name: str) -> str:
        path = os.path.join(cls.root, name)
        os.makedirs(path)
        return path

    def train(self, run: str, data=None, **saving) -> dict:
        return train(
            config=SETTINGS,
            devices=DeviceConfig(),
            data=data or self.data,
            run=run,
            checkpoints=CheckpointConfig(**saving),
        )

    def lose(self, run: str, after: int, data=None) -> None:
        """Trains, with a checkpoint after each step, until the process is lost in a step."""

        def lose():
            raise Lost

        with after_step(after + 1, lose), self.assertRaises(Lost):
            self.train(run, data, checkpoint_steps=1)

    def test_a_lost_run_ends_as_an_undisturbed_one_with_scores_by_data_set(self):
        whole, lost = (os.path.join(self.create_tempdir().full_path, "run") for _ in range(2))
        expected = self.train(whole)
        self.lose(lost, after=4)
        result = self.train(lost)
        self.assertEqual((result["step"], result["loss"]), (10, expected["loss"]))
        self.assert_equal_weights(lost, whole)
        self.assertEqual(read_history(lost), read_history(whole))
        self.check_scores(read_history(whole), expected)
        self.check_folder(whole)

    def test_a_run_on_lines_of_any_width_that_is_lost_ends_as_an_undisturbed_one(self):
        widths = ([40 + 9 * k for k in range(10)], [44 + 7 * k for k in range(13)])
        made = [convert_any_width(self.create_tempdir().full_path, each) for each in widths]
        data = parse_sources([made[0], f"{made[1]}=3"])
        whole, lost = (os.path.join(self.create_tempdir().full_path, "run") for _ in range(2))
        expected = self.train(whole, data)
        self.lose(lost, after=3, data=data)
        result = self.train(lost, data)
        self.assertEqual((result["step"], result["loss"]), (10, expected["loss"]))
        self.assert_equal_weights(lost, whole)
        self.assertEqual(read_history(lost), read_history(whole))

    def assert_equal_weights(self, run: str, other: str) -> None:
        last = os.path.join("weights", "epoch-0002.weights.h5")
        ours, theirs = (read_weights(os.path.join(folder, last)) for folder in (run, other))
        for name in theirs:
            self.assertEqual(ours[name].tobytes(), theirs[name].tobytes(), name)

    def check_scores(self, rows: list[dict[str, float]], result: dict) -> None:
        self.assertEqual(result["lines"], 23)
        for row in rows:
            for metric in ("loss", "exact_match", "loss_rounds_to_0"):
                apart = (10 * row[f"val_real_{metric}"] + 13 * row[f"val_made_{metric}"]) / 23
                self.assertAllClose(row[f"val_{metric}"], apart)
            self.assertIn("val_made_cer", row)

    def check_folder(self, run: str) -> None:
        with open(os.path.join(run, "charset.txt"), encoding="utf-8") as file:
            self.assertEqual(file.read().split("\n")[1:-1], [*CHARSET.characters, "y", "x"])
        with open(os.path.join(run, "config.json")) as file:
            stored = json.load(file)["data"]
        self.assertEqual([each["weight"] for each in stored], ["1", "3"])
        self.assertTrue(os.path.exists(os.path.join(run, "curves.png")))
        real, made = (source.folder for source in self.data)
        with user_error(f"run {run}", f"--data={made}=1", f"--data={made}=3", "--run"):
            self.train(run, parse_sources([real, made]))
        with user_error(f"run {run}", f"--data={real}", "weights", "--run"):
            self.train(run, real)

    def test_two_replicas_learn_from_a_mixture_what_one_learns(self):
        (losses_one, weights_one), (losses_two, weights_two) = map(self.take_steps, ("one", "mirrored"))
        self.assertAllClose(losses_one, losses_two, rtol=1e-5)
        for one, two in zip(weights_one, weights_two, strict=True):
            self.assertAllClose(one, two, atol=1e-5)

    def take_steps(self, strategy_name: str) -> tuple[list[float], list[np.ndarray]]:
        """Losses and weights of three SGD steps without what differs by replica: batch statistics, dropout."""
        strategy, mixture = choose_strategy(strategy_name), load_mixture(self.data)
        batches = TrainBatches(mixture, mixture.info, SETTINGS, strategy)
        with strategy.scope():
            model, optimizer = build_steady_network(mixture.info.charset.classes)
        step, iterator = make_step(model, optimizer, strategy, SETTINGS), iter(batches.start_at(0))
        losses = [float(step(next(iterator)).mean) for _ in range(3)]
        return losses, model.get_weights()


if __name__ == "__main__":
    tf.test.main()
