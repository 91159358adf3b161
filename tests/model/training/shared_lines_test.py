"""Lines that are in training and in validation are warned of when a training starts, and listed on request."""

import contextlib
import io
import os
import tempfile
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.training import shared_lines
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.model.training.shared_lines import find_shared_lines, warn_of_shared_lines
from densenet_ocr.model.training.trainer import train
from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from densenet_ocr.pipeline.mixtures.sources import parse_sources
from tests.messages import user_error
from tests.samples import CHARSET, convert_lines, convert_texts, shallow_network


class SharedLinesTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.real, cls.made = (os.path.join(cls.root, name) for name in ("real", "made"))
        convert_lines(cls.root, 20, output=cls.real)
        texts = os.path.join(cls.root, "texts")
        convert_texts(texts, 12, CHARSET.characters, seed=100, output=cls.made)
        convert_texts(texts, 7, CHARSET.characters, seed=19, output=cls.made, split="validation")  # one in real
        cls.data = parse_sources([cls.real, cls.made])
        cls.shared = f"0.png of 'validation' in {cls.made} = 19.png of 'train' in {cls.real}"

    def warn(self, split: str | None, most_bytes: int = 1 << 20) -> list[str]:
        config = TrainConfig(validation_split=split)
        with self.assertLogs(level="INFO") as logs, mock.patch.object(shared_lines, "LOOK_BYTES", most_bytes):
            warn_of_shared_lines(config, load_mixture(self.data))
        return logs.output[2:]  # behind what the mixture consists of

    def test_a_training_warns_of_a_line_that_another_data_set_validates(self):
        config = TrainConfig(batch_size=8, epochs=1)
        run = self.create_tempdir().full_path + "/run"
        with shallow_network(), self.assertLogs(level="WARNING") as logs:
            train(config=config, devices=DeviceConfig(), data=self.data, run=run)
        text = "".join(logs.output)
        self.assertIn("compared 32 lines of 'train' with 7 of 'validation': 1 in both", text)
        self.assertIn(self.shared, text)
        self.assertIn("--find_shared_lines", text)
        with shallow_network(), mock.patch.object(shared_lines, "compare_splits") as compare:
            train(config=TrainConfig(batch_size=8, epochs=2), devices=DeviceConfig(), data=self.data, run=run)
        compare.assert_not_called()  # again, where the run is resumed

    def test_a_look_says_that_it_saw_the_first_lines_only(self):
        [text] = self.warn("validation", most_bytes=2000)
        self.assertStartsWith(text, "INFO")
        self.assertIn("compared the first 2 lines of 'train' with the first 1 of 'validation'", text)

    def test_the_training_split_as_validation_is_warned_of(self):
        [text] = self.warn("train")
        self.assertStartsWith(text, "WARNING")
        self.assertIn("'train' is trained on", text)

    def test_a_search_lists_all_pairs(self):
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            result = find_shared_lines(self.data, TrainConfig())
        row = [self.made, "validation", "0.png", self.real, "train", "19.png"]
        self.assertEqual(shown.getvalue(), "\t".join(row) + "\n")
        self.assertEqual((result["train_lines"], result["shared_lines"]), (32, 1))

    def test_a_training_without_validation_has_nothing_to_compare(self):
        with user_error("validation_split", "none", "--validation_split"):
            find_shared_lines(self.data, TrainConfig(validation_split="none"))


if __name__ == "__main__":
    tf.test.main()
