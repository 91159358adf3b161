"""Lines with the same pixels in training and validation are found in all data sets, with their places."""

import os
import tempfile

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from densenet_ocr.pipeline.mixtures.shared_lines import Place, compare_splits
from densenet_ocr.pipeline.mixtures.sources import parse_sources
from tests.samples import convert_lines, convert_texts

DIGITS = "0123456789"


class SharedLinesTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.real, cls.made, cls.other = (os.path.join(cls.root, name) for name in ("real", "made", "other"))
        # Line k of `convert_texts` has the pixels of line seed + k of `convert_lines`.
        convert_lines(cls.make("a"), 20, output=cls.real)
        convert_texts(cls.make("b"), 12, DIGITS, seed=100, output=cls.made)
        convert_texts(cls.make("c"), 5, DIGITS, seed=110, output=cls.made, split="validation")
        convert_texts(cls.make("d"), 4, DIGITS, seed=200, output=cls.other)
        convert_texts(cls.make("e"), 4, DIGITS, seed=300, output=cls.other, split="validation")
        convert_texts(cls.make("f"), 4, DIGITS, seed=18, output=cls.other, split="test")

    @classmethod
    def make(cls, name: str) -> str:
        path = os.path.join(cls.root, "images-" + name)
        os.mkdir(path)
        return path

    def compare(self, *data: str, validation: str = "validation", **changes):
        return compare_splits(load_mixture(parse_sources(data)), "train", validation, **changes)

    def test_lines_of_one_data_set_in_both_splits_are_found_with_their_keys(self):
        found = self.compare(self.made)
        self.assertEqual((found.training_lines, found.validation_lines, found.is_complete), (12, 5, True))
        expected = {
            (Place(self.made, "validation", f"{k}.png"), Place(self.made, "train", f"{k + 10}.png"))
            for k in (0, 1)
        }
        self.assertEqual(set(found.shared), expected)

    def test_a_line_of_another_data_set_counts(self):
        found = self.compare(self.real, self.other, validation="test")
        expected = {
            (Place(self.other, "test", f"{k}.png"), Place(self.real, "train", f"{k + 18}.png")) for k in (0, 1)
        }
        self.assertEqual(set(found.shared), expected)

    def test_other_lines_are_not_found(self):
        found = self.compare(self.real, self.other)
        self.assertEqual((found.training_lines, found.validation_lines), (24, 4))
        self.assertEmpty(found.shared)

    def test_a_limit_takes_the_first_lines_of_each_data_set(self):
        size = 32 * 64 * 4 + 300  # bytes of a line, about
        found = self.compare(self.real, self.other, most_bytes=6 * size)
        self.assertEqual((found.training_lines, found.is_complete), (6, False))
        self.assertEqual(found.validation_lines, 4)


if __name__ == "__main__":
    tf.test.main()
