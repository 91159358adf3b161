"""Every kind of damage is found, and named with its file and record."""

import contextlib
import dataclasses
import io
import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.inspection.verification import verify
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.dataset_info import ShardInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.schema import Record
from densenet_ocr.pipeline.tfrecord import records
from tests.samples import convert_lines, draw_levels


def write_shard(path: str, lines: list[bytes]) -> ShardInfo:
    """A shard whose checksums are right, whatever its records hold."""
    with open(path, "wb") as file:
        writer = records.RecordWriter(file)
        for line in lines:
            writer.write(line)
    return ShardInfo(os.path.basename(path), writer.records, writer.bytes, writer.crc32c)


def encode_line(label: list[int], height: int = 32, width: int = 64) -> bytes:
    return schema.encode(Record("x.png", draw_levels(0, height, width), label), "uint8")


class VerificationTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.convert(image_encoding="uint8")

    def convert(self, **changes) -> None:
        """Makes a data set of 20 lines, in shards of 8, 8 and 4."""
        self.data = convert_lines(self.create_tempdir().full_path, 20, **changes)
        self.info = load_dataset_info(self.data)
        self.names = [shard.name for shard in self.info.splits["train"].shards]

    def path(self, number: int) -> str:
        return os.path.join(self.data, self.names[number])

    def read(self, number: int) -> bytearray:
        with open(self.path(number), "rb") as file:
            return bytearray(file.read())

    def write(self, number: int, data: bytes) -> None:
        with open(self.path(number), "wb") as file:
            file.write(data)

    def describe(self, **changes) -> None:
        """Lets dataset.json say something else of the split."""
        split = dataclasses.replace(self.info.splits["train"], **changes)
        self.info = self.info.with_split("train", split, {})

    def put(self, number: int, *lines: bytes) -> None:
        """Makes records the first of a shard, and lets dataset.json say so."""
        kept = list(records.read_records(self.path(number)))[len(lines) :]
        shards = list(self.info.splits["train"].shards)
        shards[number] = write_shard(self.path(number), [*lines, *kept])
        self.describe(shards=tuple(shards))

    def verify(self, workers: int = 1) -> list[str]:
        """The lines on standard error, without the folder's name."""
        shown = io.StringIO()
        try:
            with contextlib.redirect_stderr(shown):
                verify(folder=self.data, info=self.info, splits=["train"], workers=workers)
        except UserError as error:
            shown.write(f"error: {error}")
        return shown.getvalue().replace(self.data + os.sep, "").splitlines()

    def find(self) -> list[str]:
        """The problems, between the progress before them and the error behind."""
        progress, *problems, error = self.verify()
        self.assertStartsWith(progress, "verify: 20 of 20 lines")
        self.assertStartsWith(error, f"error: data set {self.data}: received {len(problems)} problem")
        return problems

    @parameterized.parameters(
        {"image_encoding": "uint8"},
        {"image_encoding": "float32"},
        {"image_width": 0},
        {"image_height": 16, "image_width": 0, "fit": "pad"},
    )
    def test_a_whole_data_set_passes(self, **changes):
        self.convert(**changes)
        [progress] = self.verify()
        self.assertStartsWith(progress, "verify: 20 of 20 lines")

    def test_several_processes_find_what_one_finds(self):
        os.remove(self.path(0))
        self.assertEqual(self.verify(workers=2)[1:], self.verify(workers=1)[1:])

    @parameterized.named_parameters(
        ("its_length", 0, "the length at byte "), ("its_image", 500, "the record that ")
    )
    def test_a_flipped_byte_is_found_in_its_record(self, offset, damage):
        data = self.read(1)
        data[len(data) // 2 + offset] ^= 1  # of the fifth of eight lines of one size
        self.write(1, data)
        checksum, record = self.find()
        crc32c = self.info.splits["train"].shards[1].crc32c
        self.assertStartsWith(checksum, f"{self.names[1]}: has the CRC-32C ")
        self.assertEndsWith(checksum, f", dataset.json says {crc32c}")
        self.assertStartsWith(record, f"{self.names[1]}: record 5: {damage}")
        self.assertEndsWith(record, "does not match its checksum; what follows it is not checked")

    def test_a_rejects_file_that_is_gone_or_changed_is_found(self):
        path = os.path.join(self.data, "train.rejects.tsv")
        with open(path, "w") as file:
            file.write("train.txt:1\n")
        self.assertStartsWith(self.find()[0], "train.rejects.tsv: has the CRC-32C ")
        os.remove(path)
        self.assertEqual(self.find(), ["train.rejects.tsv: no such file"])

    def test_a_shard_that_is_gone_is_found(self):
        os.remove(self.path(2))
        self.assertEqual(self.find(), [f"{self.names[2]}: no such file"])

    def test_a_pipe_in_place_of_a_shard_or_of_the_rejects_is_found(self):
        path = os.path.join(self.data, "train.rejects.tsv")
        for replaced in (self.path(2), path):
            os.remove(replaced)
            os.mkfifo(replaced)
        names = (self.names[2], "train.rejects.tsv")
        self.assertEqual(self.find(), [f"{name}: cannot be read: a pipe or a device" for name in names])

    def test_a_shard_that_is_cut_off_is_found(self):
        data = self.read(0)
        self.write(0, data[:-100])
        size, checksum, record = self.find()
        self.assertEqual(
            size, f"{self.names[0]}: has {len(data) - 100:,} bytes, dataset.json says {len(data):,}"
        )
        self.assertIn("CRC-32C", checksum)
        self.assertStartsWith(record, f"{self.names[0]}: record 8: ")

    def test_a_shard_of_another_number_of_records_is_found(self):
        first, second, third = self.info.splits["train"].shards
        self.describe(
            shards=(
                dataclasses.replace(first, records=7),
                second,
                dataclasses.replace(third, records=5),
            )
        )
        self.assertEqual(
            self.find(),
            [
                f"{self.names[0]}: has 8 records, dataset.json says 7",
                f"{self.names[2]}: has 4 records, dataset.json says 5",
            ],
        )

    @parameterized.named_parameters(
        ("a_class_outside_the_charset", encode_line([1, 13]), "class 13 is no character, those are 0 to 12"),
        ("the_blank_of_no_label", encode_line([]), "has no label"),
        ("a_label_too_long", encode_line([1] * 5), "its label needs 9 frames, its image has 8"),
        (
            "another_height",
            encode_line([1], 31, 64),
            "is 64x31 pixels, the data set's are 64x32",
        ),
        ("another_width", encode_line([1], 32, 63), "is 63x32 pixels, the data set's are 64x32"),
    )
    def test_a_line_that_cannot_be_right_is_found(self, line, problem):
        self.put(1, line)
        self.assertEqual(self.find(), [f"{self.names[1]}: record 1 (x.png): {problem}"])

    def test_all_bad_lines_of_a_shard_are_found(self):
        self.put(0, encode_line([]), encode_line([1]), encode_line([20, 21]))
        self.assertEqual(
            self.find(),
            [
                f"{self.names[0]}: record 1 (x.png): has no label",
                f"{self.names[0]}: record 3 (x.png): class 21 is no character, those are 0 to 12",
            ],
        )

    def test_bytes_that_are_no_record_are_found(self):
        self.put(2, b"no record", b"", encode_line([1])[:-1])
        problems = self.find()
        self.assertLen(problems, 3)
        for number, problem in enumerate(problems, start=1):
            self.assertStartsWith(problem, f"{self.names[2]}: record {number}: is no line stored as uint8")

    @parameterized.named_parameters(
        ("label_lengths", {"label_lengths": {"1": 11, "2": 9}}, "11 of 1 for 10, 9 of 2 for 10"),
        ("widths", {"widths": {"64": 19, "65": 1}}, "19 of 64 for 20, 1 of 65 for 0"),
    )
    def test_statistics_that_differ_are_found(self, changes, difference):
        self.describe(statistics={**self.info.splits["train"].statistics, **changes})
        [name] = changes
        self.assertEqual(self.find(), [f"dataset.json: split train: {name}: {difference}"])

    def test_of_many_different_statistics_a_few_are_named(self):
        self.describe(statistics={**self.info.splits["train"].statistics, "characters": {}})
        [problem] = self.find()
        self.assertStartsWith(problem, "dataset.json: split train: characters: 0 of 0 for 2, 0 of 1 for 12, ")
        self.assertEndsWith(problem, " and 5 more")

    def test_every_shard_is_checked_and_the_error_counts_them(self):
        os.remove(self.path(0))
        self.put(1, encode_line([]))
        self.write(2, self.read(2) + b"x")
        *_, error = self.verify()
        for part in (f"error: data set {self.data}", "5 problems in 3 of 3 shards", "--overwrite"):
            self.assertIn(part, error)


if __name__ == "__main__":
    tf.test.main()
