"""The training input and the evaluation input of lines of any width, and augmentation in them."""

import os
import shutil
import tempfile

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.dataset import (
    count_steps,
    evaluation_input,
    find_buckets,
    read_first_lines,
    training_input,
)
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from tests.samples import convert_any_width, convert_lines, draw_levels

LINES = 20  # of the data set of one width

# Line k's width; a label of two characters needs two frames, 11 needs three.
WIDTHS = (7, 8, 9, 16, 17, 20, 23, 24, 25, 16, 30, 23, 37, 40, 41, 48, 57, 64, 65, 66, 67, 200, 60)
ALL_WIDTH_KEYS = sorted(f"{k}.png" for k in range(len(WIDTHS)))
LIGHT = AugmentConfig(ops=("noise",), probability=1.0)


def rows_of(batches) -> list[dict]:
    """The rows of batches one by one, as arrays."""
    batches = [{name: tensor.numpy() for name, tensor in batch.items()} for batch in batches]
    return [{name: batch[name][k] for name in batch} for batch in batches for k in range(len(batch["key"]))]


def lines_of(batches) -> list[dict]:
    """The rows that are lines, and fill up nothing."""
    return [row for row in rows_of(batches) if row["weight"]]


def number_of(line: dict) -> int:
    return int(line["key"].decode().removesuffix(".png"))


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
        dataset = self.evaluate(encoding, batch_size=batch_size, replicas=replicas)
        batches = list(dataset)
        self.assertLen(dataset, len(batches))
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


if __name__ == "__main__":
    tf.test.main()
