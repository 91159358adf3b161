"""Mixtures over real shards: shares, order, labels, resume, and what does not go together."""

import collections
import os
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.batches import Share
from densenet_ocr.pipeline.dataset import evaluation_input, training_input
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.mixtures.mixed_input import count_mixed_steps, mixed_input
from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from densenet_ocr.pipeline.mixtures.sources import parse_sources
from tests.messages import user_error
from tests.samples import CHARSET, convert_any_width, convert_lines, convert_texts, draw_levels

REAL, MADE = 20, 13  # lines
MADE_CHARACTERS = "yx9876543210"


def as_arrays(batches) -> list[dict[str, np.ndarray]]:
    return [{name: tensor.numpy() for name, tensor in batch.items()} for batch in batches]


class MixedInputTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.real = convert_lines(cls.folder("real"), REAL, lines_per_shard=4)
        cls.made = convert_texts(cls.folder("made"), MADE, MADE_CHARACTERS, lines_per_shard=5)
        cls.mixture = load_mixture(parse_sources([cls.real, f"{cls.made}=3"]))

    @classmethod
    def folder(cls, name: str) -> str:
        os.makedirs(os.path.join(cls.root, name), exist_ok=True)
        return os.path.join(cls.root, name)

    def read(self, steps: int, **changes) -> list[dict[str, np.ndarray]]:
        settings = {"mixture": self.mixture, "split": "train", "batch_size": 6, "seed": 4, **changes}
        return as_arrays(mixed_input(**settings).take(steps))

    def texts(self, batch) -> list[str]:
        return [self.mixture.info.charset.decode(k for k in row if k >= 0) for row in batch["label"]]

    def assert_equal_batches(self, ours, theirs):
        self.assertEqual(len(ours), len(theirs))
        for one, two in zip(ours, theirs, strict=True):
            self.assertEqual(one.keys(), two.keys())
            for name in one:
                self.assertAllEqual(one[name], two[name])

    def test_each_data_set_gives_its_share_and_every_line_once_per_pass(self):
        # 78 lines are made of MADE * 6 passes; a quarter of all is real.
        texts = [text for batch in self.read(52, batch_size=2) for text in self.texts(batch)]
        counts = collections.Counter(texts)
        self.assertEqual({counts[str(1000 + k)] for k in range(MADE)}, {6})
        real = [text for text in texts if len(text) < 4]
        self.assertLen(real, 26)
        self.assertEqual(sorted(real[:REAL], key=int), [str(k) for k in range(REAL)])

    def test_labels_keep_their_characters_in_the_joined_charset(self):
        characters = self.mixture.info.charset.characters
        self.assertEqual(characters, CHARSET.characters + "yx")
        for batch in self.read(4):
            for text, levels in zip(self.texts(batch), batch["image"], strict=True):
                expected = draw_levels(int(text))
                self.assertAllClose(levels[..., 0] + 0.5, expected / 255, atol=1e-6)

    @parameterized.parameters(1, 2, 5, 9, 14)
    def test_the_batches_from_a_step_are_the_tail_of_all(self, step):
        augmentation = AugmentConfig(ops=("noise",), probability=1.0)
        whole = self.read(16, augmentation=augmentation)
        self.assert_equal_batches(
            self.read(16 - step, first_step=step, augmentation=augmentation), whole[step:]
        )

    def test_the_shares_of_processes_are_the_batch_in_order(self):
        whole = self.read(3)
        parts = [self.read(3, share=Share(k, 2)) for k in range(2)]
        for batch, first, second in zip(whole, *parts, strict=True):
            self.assertAllEqual(np.concatenate([first["key"], second["key"]]), batch["key"])
            self.assertAllEqual(np.concatenate([first["image"], second["image"]]), batch["image"])

    def test_a_single_data_set_gives_the_batches_of_training_input(self):
        info = load_dataset_info(self.real)
        theirs = training_input(folder=self.real, info=info, split="train", batch_size=6, seed=4)
        ours = self.read(5, mixture=load_mixture(self.real))
        self.assert_equal_batches(ours, as_arrays(theirs.take(5)))

    def test_an_epoch_is_one_pass_over_the_first_data_set(self):
        self.assertEqual(count_mixed_steps(self.mixture, "train", 8), REAL * 4 // 8)
        self.assertEqual(count_mixed_steps(load_mixture(self.real), "train", 8), REAL // 8)

    def test_evaluation_gives_labels_the_classes_of_another_charset(self):
        info, charset = load_dataset_info(self.made), self.mixture.info.charset
        (batch,) = evaluation_input(
            folder=self.made, info=info, split="train", batch_size=MADE, charset=charset
        )
        label = batch[schema.LABEL].numpy()
        self.assertEqual(sorted(charset.decode(row) for row in label), [str(1000 + k) for k in range(MADE)])

    def test_the_joined_description_has_the_splits_of_all(self):
        self.assertEqual(list(self.mixture.info.splits), ["train", "data-2:train"])

    def test_data_sets_that_do_not_go_together_are_refused(self):
        other = convert_texts(
            self.folder("other"),
            2,
            MADE_CHARACTERS,
            image_encoding="uint8",
            image_width=80,
            max_reject_fraction=1.0,
        )
        with user_error(f"data set {other}", "--image_width=80 --image_encoding=uint8", "--image_width=64"):
            load_mixture(parse_sources([self.real, other]))
        wide = convert_any_width(self.folder("wide"), [64, 80])
        with user_error(f"data set {wide}", "--image_width=0", "--image_width=64"):
            load_mixture(parse_sources([self.real, wide]))
        with user_error(f"data set {self.real}", "no split 'test'", "it has train"):
            self.read(1, split="test")


if __name__ == "__main__":
    tf.test.main()
