"""The training input and the evaluation input over real shards."""

import os
import shutil
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset import (
    count_steps,
    evaluation_input,
    find_buckets,
    read_first_lines,
    training_input,
)
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from tests.samples import conversion, convert_any_width, convert_lines, draw_levels, write_list

LINES = 20
ALL_KEYS = sorted(f"{k}.png" for k in range(LINES))

# Line k's width; a label of two characters needs two frames, 11 needs three.
WIDTHS = (7, 8, 9, 16, 17, 20, 23, 24, 25, 16, 30, 23, 37, 40, 41, 48, 57, 64, 65, 66, 67, 200, 60)
ALL_WIDTH_KEYS = sorted(f"{k}.png" for k in range(len(WIDTHS)))
LIGHT = AugmentConfig(ops=("noise",), probability=1.0)


def keys_of(batches) -> list[str]:
    return [key.decode() for batch in batches for key in batch["key"].numpy()]


def rows_of(batches) -> list[dict]:
    """The rows of batches one by one, as arrays."""
    batches = [{name: tensor.numpy() for name, tensor in batch.items()} for batch in batches]
    return [{name: batch[name][k] for name in batch} for batch in batches for k in range(len(batch["key"]))]


def lines_of(batches) -> list[dict]:
    """The rows that are lines, and fill up nothing."""
    return [row for row in rows_of(batches) if row["weight"]]


def number_of(line: dict) -> int:
    return int(line["key"].decode().removesuffix(".png"))


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
        batches = list(self.evaluate(batch_size))
        self.assertLen(batches, -(-LINES // batch_size))
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


class AnyWidthTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.folders = {
            encoding: convert_any_width(
                folder,
                WIDTHS,
                lines_per_shard=4,
                image_encoding=encoding,
                output=os.path.join(folder, encoding),
            )
            for encoding in ("uint8", "float32")
        }
        cls.info = load_dataset_info(cls.folders["uint8"])

    def where(self, encoding: str = "uint8") -> dict:
        folder = self.folders[encoding]
        return {"folder": folder, "info": load_dataset_info(folder), "split": "train"}

    def train(self, encoding="uint8", *, batch_size=3, seed=1, **options) -> tf.data.Dataset:
        return training_input(**self.where(encoding), batch_size=batch_size, seed=seed, **options)

    def evaluate(self, encoding="uint8", *, batch_size=3, **options) -> tf.data.Dataset:
        return evaluation_input(**self.where(encoding), batch_size=batch_size, **options)

    def assert_in_buckets(self, batches: list[dict], batch_size: int, replicas: int) -> None:
        """Batches of one pass are the buckets', and each line is in the narrowest one that holds it."""
        buckets = find_buckets(self.info, "train", batch_size, replicas)
        bounds = [bucket.width for bucket in buckets]
        expected = [(bucket.size, 32, bucket.width, 1) for bucket in buckets for _ in range(bucket.batches)]
        self.assertEqual(sorted(tuple(batch["image"].shape) for batch in batches), sorted(expected))
        for line in lines_of(batches):
            self.assertEqual(line["image"].shape[1], min(bound for bound in bounds if bound >= line["width"]))

    def assert_is_whole(self, line: dict, normalise) -> None:
        """The line's pixels, as `normalise` makes them of the levels, its sizes and its label are its own."""
        number = number_of(line)
        width = WIDTHS[number]
        levels = draw_levels(number, width=width)
        expected = normalise(levels) if normalise else levels
        self.assertEqual(line["image"].dtype, expected.dtype)
        self.assertEqual(line["image"][:, :width, 0].tobytes(), expected.tobytes())
        self.assertEqual((line["width"], line["frames"]), (width, (width + 1) // 8))
        self.assertEqual("".join(map(str, line["label"][: line["label_length"]])), str(number))

    def assert_equal_streams(self, expected, batches) -> None:
        for one, other in zip(expected, batches, strict=True):
            self.assertEqual(one.keys(), other.keys())
            for name in one:
                self.assertAllEqual(one[name], other[name], name)


class AnyWidthTrainingTest(AnyWidthTest):
    @parameterized.parameters((1, 1), (4, 2), (30, 2))
    def test_each_pass_holds_every_line_once_in_batches_of_its_bucket(self, batch_size, replicas):
        steps, orders = count_steps(self.info, "train", batch_size, replicas), set()
        batches = list(self.train(batch_size=batch_size, replicas=replicas).take(3 * steps))
        for start in range(0, 3 * steps, steps):
            one_pass = batches[start : start + steps]
            keys = [line["key"].decode() for line in lines_of(one_pass)]
            self.assertEqual(sorted(keys), ALL_WIDTH_KEYS)
            self.assert_in_buckets(one_pass, batch_size, replicas)
            orders.add(tuple(keys))
        self.assertLen(orders, 3)

    @parameterized.parameters(("uint8", True), ("uint8", False), ("float32", True), ("float32", False))
    def test_lines_have_their_pixels_and_labels_and_filler_rows_have_none(self, encoding, normalised):
        options = {"batch_size": 5, "replicas": 2}
        batches = self.train(encoding, normalised=normalised, **options)
        rows = rows_of(batches.take(count_steps(self.info, "train", **options)))
        fillers = [row for row in rows if not row["weight"]]
        self.assertLen(rows, len(WIDTHS) + len(fillers))
        self.assertNotEmpty(fillers)
        for filler in fillers:
            self.assertEqual((filler["width"], filler["key"]), (0, b""))
            self.assertEqual((filler["label_length"], filler["label"][0], filler["frames"] > 0), (1, 0, True))
        for line in rows:
            if line["weight"]:
                self.assert_is_whole(line, images.normalise if normalised or encoding == "float32" else None)

    def test_the_stream_from_a_step_equals_the_tail_of_the_whole_stream(self):
        options = {"shuffle_buffer": 6, "replicas": 2}
        steps = count_steps(self.info, "train", 3, 2)
        tf.random.set_seed(1)
        whole = list(self.train(**options).take(2 * steps + 6))
        tf.random.set_seed(2)
        for first_step in (1, 2 * steps - 1):  # the later one ends in the third pass
            resumed = self.train(first_step=first_step, **options).take(6)
            self.assert_equal_streams(whole[first_step : first_step + 6], resumed)


class AnyWidthEvaluationTest(AnyWidthTest):
    @parameterized.parameters((1, 1, "uint8"), (4, 2, "float32"), (30, 1, "uint8"))
    def test_yields_each_line_once_in_batches_of_its_bucket(self, batch_size, replicas, encoding):
        batches = list(self.evaluate(encoding, batch_size=batch_size, replicas=replicas))
        lines = lines_of(batches)
        self.assertEqual(sorted(line["key"].decode() for line in lines), ALL_WIDTH_KEYS)
        self.assert_in_buckets(batches, batch_size, replicas)
        for line in lines:
            self.assert_is_whole(line, images.normalise)

    @parameterized.product(encoding=["uint8", "float32"], count=[1, 7, 100])
    def test_reads_the_first_lines_in_the_order_of_the_shards(self, encoding, count):
        shards = self.info.splits["train"].shards
        records = tf.data.TFRecordDataset([os.path.join(self.folders["uint8"], shard.name) for shard in shards])
        stored = [tf.train.Example.FromString(record) for record in records.as_numpy_iterator()]
        expected = [example.features.feature["key"].bytes_list.value[0].decode() for example in stored]
        lines = read_first_lines(**self.where(encoding), count=count)
        self.assertEqual([line.key for line in lines], expected[:count])
        for line in lines:
            number = int(line.key.removesuffix(".png"))
            self.assertAllEqual(line.levels, draw_levels(number, width=WIDTHS[number]))
            self.assertEqual("".join(map(str, line.label)), str(number))


class AugmentedTest(AnyWidthTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.folders["one width"] = convert_lines(folder, LINES, lines_per_shard=4, image_encoding="uint8")

    @parameterized.product(data=["uint8", "float32", "one width"])
    def test_only_pixels_of_lines_change(self, data):
        # Filler rows come after augmentation, because their width is 0; plain uint8 would stay uint8.
        options = {"batch_size": 4, "replicas": 2}
        plain = self.train(data, **options).take(6)
        changed = self.train(data, augmentation=LIGHT, normalised=False, **options).take(6)
        for before, after in zip(plain, changed, strict=True):
            self.assertEqual(after["image"].dtype, tf.float32)
            for name in before.keys() - {"image"}:
                self.assertAllEqual(before[name], after[name], name)
            for row, same in zip(rows_of([after]), rows_of([before]), strict=True):
                width = row["width"]
                self.assertAllEqual(row["image"][:, width:], same["image"][:, width:])
                if row["weight"]:
                    self.assertNotAllEqual(row["image"][:, :width], same["image"][:, :width])

    @parameterized.parameters("uint8", "one width")
    def test_depends_on_seed_and_step_and_differs_between_passes(self, data):
        steps = count_steps(load_dataset_info(self.folders[data]), "train", 3)
        tf.random.set_seed(1)
        whole = list(self.train(data, augmentation=LIGHT).take(3 * steps))
        tf.random.set_seed(2)
        resumed = self.train(data, augmentation=LIGHT, first_step=steps + 1).take(4)
        self.assert_equal_streams(whole[steps + 1 : steps + 5], resumed)
        seen = [line["image"].tobytes() for line in lines_of(whole) if number_of(line) == 5]
        self.assertGreaterEqual(len(seen), 2)
        self.assertLen(set(seen), len(seen))

    @parameterized.parameters(None, AugmentConfig())
    def test_no_operations_leave_pixels_as_they_are_stored(self, augmentation):
        batches = self.train("one width", augmentation=augmentation, normalised=False)
        self.assertEqual(batches.element_spec["image"].dtype, tf.uint8)


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
