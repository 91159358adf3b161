"""The training input and the evaluation input over real shards."""

import os
import shutil
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset import evaluation_input, training_input
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from tests.samples import conversion, convert_lines, draw_levels, write_list

LINES = 20
ALL_KEYS = sorted(f"{k}.png" for k in range(LINES))


def keys_of(batches) -> list[str]:
    return [key.decode() for batch in batches for key in batch["key"].numpy()]


class DatasetTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.images = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.images)
        # Five shards, one more than are read side by side.
        cls.whole = convert_lines(cls.images, LINES, lines_per_shard=4)

    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        shutil.copytree(self.whole, self.folder, dirs_exist_ok=True)
        self.info = load_dataset_info(self.folder)

    def train(self, *, batch_size=5, seed=1, **options) -> tf.data.Dataset:
        return training_input(
            folder=self.folder, info=self.info, split="train", batch_size=batch_size, seed=seed, **options
        )

    def evaluate(self, batch_size=8, split="train") -> tf.data.Dataset:
        return evaluation_input(folder=self.folder, info=self.info, split=split, batch_size=batch_size)

    def shard(self, number: int) -> str:
        return os.path.join(self.folder, self.info.splits["train"].shards[number].name)


class TrainingInputTest(DatasetTest):
    @parameterized.product(batch_size=[4, 7, 30], shuffle_buffer=[3, 4096])
    def test_each_pass_holds_every_line_once_and_passes_differ_in_order(self, batch_size, shuffle_buffer):
        batches = self.train(batch_size=batch_size, shuffle_buffer=shuffle_buffer).take(90 // batch_size)
        keys = keys_of(batches)
        passes = [keys[start : start + LINES] for start in range(0, 80, LINES)]
        for one in passes:
            self.assertEqual(sorted(one), ALL_KEYS)
        self.assertLen({tuple(one) for one in passes}, 4)

    def test_every_batch_is_full_and_has_the_lines_own_pixels_and_labels(self):
        for batch in self.train(batch_size=6).take(4):
            self.assertEqual(batch["image"].shape, (6, 32, 64, 1))
            for key, image, label, length in zip(
                keys_of([batch]), batch["image"], batch["label"], batch["label_length"], strict=True
            ):
                number = int(key.removesuffix(".png"))
                self.assertAllEqual(image[..., 0], images.normalise(draw_levels(number)))
                self.assertEqual([int(k) for k in label[:length]], [int(digit) for digit in str(number)])

    def first_keys(self, **options) -> list[str]:
        """The first key of each of four passes."""
        keys = keys_of(self.train(batch_size=LINES, **options).take(4))
        return [keys[start] for start in range(0, 4 * LINES, LINES)]

    def test_shards_are_shuffled_even_without_a_buffer(self):
        self.assertGreater(len(set(self.first_keys(shuffle_buffer=1))), 1)

    def test_lines_of_one_shard_are_shuffled(self):
        changes = {"lines_per_shard": LINES, "overwrite": True}
        convert(conversion(self.images, output=self.folder, **changes), workers=1)
        self.info = load_dataset_info(self.folder)
        self.assertGreater(len(set(self.first_keys())), 1)

    @parameterized.parameters(1, 3, 4, 11)
    def test_the_stream_from_a_step_equals_the_tail_of_the_whole_stream(self, first_step):
        whole = list(self.train(shuffle_buffer=6).take(first_step + 5))[first_step:]
        resumed = list(self.train(shuffle_buffer=6, first_step=first_step).take(5))
        for expected, batch in zip(whole, resumed, strict=True):
            self.assertAllEqual(batch["key"], expected["key"])
            self.assertAllEqual(batch["image"], expected["image"])
            self.assertAllEqual(batch["label"], expected["label"])

    def test_does_not_depend_on_tensorflows_global_seed(self):
        orders = []
        for seed in (1, 2):
            tf.random.set_seed(seed)
            orders.append(keys_of(self.train().take(8)))
        self.assertEqual(*orders)

    def test_depends_on_its_seed(self):
        orders = [tuple(keys_of(self.train(seed=seed).take(4))) for seed in (0, 1, 2)]
        self.assertLen(set(orders), 3)

    def test_the_order_of_a_seed_never_changes(self):
        numbers = [int(key.removesuffix(".png")) for key in keys_of(self.train(seed=7).take(2))]
        self.assertEqual(numbers, [17, 11, 19, 2, 9, 7, 13, 10, 5, 14])

    @parameterized.parameters(0, 2**40)
    def test_accepts_any_seed(self, seed):
        self.assertEqual(sorted(keys_of(self.train(seed=seed).take(4))), ALL_KEYS)


class EvaluationInputTest(DatasetTest):
    def test_yields_each_line_once_in_the_order_of_the_shards(self):
        stored = tf.data.TFRecordDataset([self.shard(number) for number in range(5)])
        examples = [tf.train.Example.FromString(record) for record in stored.as_numpy_iterator()]
        expected = [example.features.feature["key"].bytes_list.value[0].decode() for example in examples]
        keys = keys_of(self.evaluate())
        self.assertEqual(keys[:LINES], expected)
        self.assertEqual(sorted(keys[:LINES]), ALL_KEYS)

    @parameterized.parameters(1, 5, 8, 50)
    def test_every_batch_is_full_and_only_filler_rows_have_weight_0(self, batch_size):
        dataset = self.evaluate(batch_size)
        batches = list(dataset)
        self.assertLen(batches, -(-LINES // batch_size))
        self.assertLen(dataset, len(batches))
        for batch in batches:
            self.assertEqual(batch["image"].shape, (batch_size, 32, 64, 1))
        weights = np.concatenate([batch["weight"] for batch in batches])
        self.assertAllEqual(weights, [1] * LINES + [0] * (len(weights) - LINES))

    def test_a_filler_has_one_class_and_the_frames_of_a_line(self):
        last = list(self.evaluate(8))[-1]
        fillers = {name: tensor[4:].numpy() for name, tensor in last.items()}
        self.assertAllEqual(fillers["label_length"], [1] * 4)
        self.assertAllEqual(fillers["label"][:, 0], [0] * 4)
        self.assertAllEqual(fillers["label"][:, 1:], np.full_like(fillers["label"][:, 1:], -1))
        self.assertAllEqual(fillers["frames"], [8] * 4)
        self.assertAllEqual(fillers["key"], [b""] * 4)
        self.assertAllEqual(fillers["image"], np.zeros((4, 32, 64, 1)))

    def test_lines_beside_fillers_keep_their_pixels_and_labels(self):
        last = list(self.evaluate(8))[-1]
        for k, key in enumerate(keys_of([last])[:4]):
            number = int(key.removesuffix(".png"))
            self.assertAllEqual(last["image"][k, ..., 0], images.normalise(draw_levels(number)))
            self.assertAllEqual(last["label"][k, : len(str(number))], [int(digit) for digit in str(number)])


class RefusalsTest(DatasetTest):
    def assert_both_refuse(self, split: str, pattern: str):
        for call in (
            lambda: self.evaluate(split=split),
            lambda: training_input(folder=self.folder, info=self.info, split=split, batch_size=2, seed=0),
        ):
            with self.assertRaisesRegex(UserError, f"^{pattern}"):
                call()

    def test_refuses_a_missing_shard(self):
        size = os.path.getsize(self.shard(2))
        os.remove(self.shard(2))
        self.assert_both_refuse(
            "train",
            f"shard {self.shard(2)}: received no such file, expected {size} bytes.*--overwrite",
        )

    def test_refuses_a_shard_that_is_cut_off(self):
        size = os.path.getsize(self.shard(3))
        os.truncate(self.shard(3), size - 100)
        self.assert_both_refuse(
            "train",
            f"shard {self.shard(3)}: received {size - 100} bytes, expected {size} bytes.*--overwrite",
        )

    def test_refuses_a_split_whose_rows_were_all_refused(self):
        path = write_list(self.images, ["none.png 1", "none2.png 2"], "test.txt")
        config = conversion(
            self.images, list_paths=(path,), output=self.folder, split="test", max_reject_fraction=1.0
        )
        convert(config, workers=1)
        self.info = load_dataset_info(self.folder)
        self.assert_both_refuse("test", f"split 'test': received no lines.*test.rejects.tsv in {self.folder}")

    def test_refuses_a_missing_split(self):
        self.assert_both_refuse("test", "split: received 'test', expected .* splits: train")

    def test_skips_a_shard_whose_rows_were_all_refused(self):
        path = write_list(self.images, ["none.png 1", "0.png 2", "1.png 1"], "test.txt")
        changes = {"output": self.folder, "max_reject_fraction": 1.0, "lines_per_shard": 1}
        convert(conversion(self.images, list_paths=(path,), split="test", **changes), workers=1)
        self.info = load_dataset_info(self.folder)
        self.assertEqual(sorted(keys_of(self.evaluate(2, "test"))), ["0.png", "1.png"])

    def test_says_that_a_data_set_has_no_splits(self):
        self.info = DatasetInfo(Charset("a"), self.info.geometry, "float32")
        with self.assertRaisesRegex(UserError, "splits: it has none"):
            self.evaluate()


if __name__ == "__main__":
    tf.test.main()
