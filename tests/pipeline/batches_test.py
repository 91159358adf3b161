"""The shares of several processes are, one after the other, the batches of a single one."""

import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.augmentation.config import OPS, AugmentConfig
from densenet_ocr.pipeline.batches import Share
from densenet_ocr.pipeline.dataset import evaluation_input, training_input
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from tests.samples import convert_any_width, convert_lines

WIDTHS = (16, 17, 20, 23, 24, 25, 16, 30, 23, 37, 40, 41, 48, 57, 64, 65, 66, 67, 200, 60)


def join(*batches: dict) -> dict:
    """One batch of the shares of a batch, whose labels may be padded to other lengths."""
    longest = max(batch["label"].shape[1] for batch in batches)
    padded = [{**batch, "label": pad(batch["label"], longest)} for batch in batches]
    return {name: np.concatenate([batch[name] for batch in padded]) for name in batches[0]}


def pad(label: np.ndarray, length: int) -> np.ndarray:
    return np.pad(label, [(0, 0), (0, length - label.shape[1])], constant_values=-1)


class SharesTest(parameterized.TestCase, tf.test.TestCase):
    def assert_shares_are_the_whole(self, read, count: int, batches: int) -> None:
        whole = itertools.islice(read(Share()).as_numpy_iterator(), batches)
        parts = zip(*(read(Share(k, count)).as_numpy_iterator() for k in range(count)), strict=False)
        for expected, found in itertools.zip_longest(whole, itertools.islice(parts, batches)):
            joined, real = join(*found), expected["weight"] > 0
            self.assertEqual({len(part["weight"]) for part in found}, {len(real) // count})
            for name in expected:
                # What filler rows have besides their weight does not matter.
                values = expected[name] if name == "weight" else expected[name][real]
                others = joined[name] if name == "weight" else joined[name][real]
                if name == "label":
                    values, others = (pad(label, 9) for label in (values, others))
                if name == "image":  # vectors of other lengths round an augmentation in other ways
                    self.assertAllClose(values, others, rtol=0, atol=1e-6)
                else:
                    self.assertAllEqual(values, others, name)

    @parameterized.parameters((2, OPS), (3, ()))
    def test_lines_of_one_width(self, count, ops):
        folder = convert_lines(self.create_tempdir().full_path, 20)
        where = {"folder": folder, "info": load_dataset_info(folder), "split": "train", "batch_size": 6}
        augmentation = AugmentConfig(ops=ops, probability=0.7)

        def read(share):
            return training_input(**where, seed=1, first_step=2, augmentation=augmentation, share=share)

        self.assert_shares_are_the_whole(read, count, 5)
        self.assert_shares_are_the_whole(lambda share: evaluation_input(**where, share=share), count, 4)

    def test_lines_of_any_width(self):
        folder = convert_any_width(self.create_tempdir().full_path, WIDTHS)
        info = load_dataset_info(folder)
        where = {"folder": folder, "info": info, "split": "train", "batch_size": 8, "replicas": 4}
        augmentation = AugmentConfig(ops=("noise",), probability=0.7)

        def read(share):
            return training_input(**where, seed=1, augmentation=augmentation, share=share)

        # The last line of 200 pixels is alone in its batch: three of the four shares have filler rows only.
        self.assert_shares_are_the_whole(read, 4, 12)
        self.assert_shares_are_the_whole(lambda share: evaluation_input(**where, share=share), 4, 12)


if __name__ == "__main__":
    tf.test.main()
