"""TFRecord framing without TensorFlow, as TensorFlow reads it."""

import bisect
import io
import itertools
import os
from unittest import mock

import google_crc32c
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.tfrecord import records
from densenet_ocr.pipeline.tfrecord.records import RecordWriter, hash_file, read_records

RECORDS = [b"", b"a", bytes(range(256)) * 40, "春".encode(), b"\0" * 9]


def flip(data: bytes, position: int, bit: int) -> bytes:
    return data[:position] + bytes((data[position] ^ bit,)) + data[position + 1 :]


class RecordWriterTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.create_tempdir().full_path, "a.tfrecord")
        with open(self.path, "wb") as file:
            self.writer = RecordWriter(file)
            for record in RECORDS:
                self.writer.write(record)

    def read(self) -> list[bytes]:
        return list(tf.data.TFRecordDataset(self.path).as_numpy_iterator())

    def read_file(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()

    def test_tensorflow_reads_the_records(self):
        self.assertEqual(self.read(), RECORDS)

    def test_bytes_are_those_of_tensorflows_writer(self):
        theirs = self.path + ".theirs"
        with tf.io.TFRecordWriter(theirs) as writer:
            for record in RECORDS:
                writer.write(record)
        with open(theirs, "rb") as file:
            self.assertEqual(self.read_file(), file.read())

    def test_has_count_size_and_checksum_of_the_file(self):
        data = self.read_file()
        self.assertEqual(self.writer.records, len(RECORDS))
        self.assertEqual(self.writer.bytes, len(data))
        self.assertEqual(self.writer.crc32c, f"{google_crc32c.value(data):08x}")

    def test_a_writer_of_nothing_has_the_checksum_of_nothing(self):
        writer = RecordWriter(io.BytesIO())
        self.assertEqual((writer.records, writer.bytes, writer.crc32c), (0, 0, "00000000"))

    def test_tensorflow_notices_a_flipped_byte_in_every_part_of_a_record(self):
        whole = self.read_file()
        second = 16 + len(RECORDS[0])
        for position in (second, second + 8, second + 12, second + 13):  # length, checksum, data, checksum
            with open(self.path, "wb") as file:
                file.write(flip(whole, position, 1))
            with self.assertRaises(tf.errors.DataLossError):
                self.read()

    def test_refuses_to_compute_checksums_in_python(self):
        with (
            mock.patch.object(records.google_crc32c, "implementation", "python"),
            self.assertRaisesRegex(UserError, "^google-crc32c: received .*'python'.*pip install "),
        ):
            RecordWriter(io.BytesIO())


class ReadRecordsTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.create_tempdir().full_path, "a.tfrecord")
        with tf.io.TFRecordWriter(self.path) as writer:
            for record in RECORDS:
                writer.write(record)
        with open(self.path, "rb") as file:
            self.whole = file.read()

    def write(self, data: bytes):
        with open(self.path, "wb") as file:
            file.write(data)

    def test_reads_what_tensorflow_wrote(self):
        self.assertEqual(list(read_records(self.path)), RECORDS)

    def test_a_file_of_nothing_has_no_records(self):
        self.write(b"")
        self.assertEqual(list(read_records(self.path)), [])

    @parameterized.parameters(1, 128)
    def test_notices_every_flipped_byte_and_gives_the_records_before_it(self, bit):
        starts = list(itertools.accumulate((len(record) + 16 for record in RECORDS), initial=0))
        # Of the long record, some bytes stand for all.
        long = range(starts[2] + 20, starts[3] - 20)
        for position in {*range(len(self.whole))} - {*long} | {*long[::997]}:
            self.write(flip(self.whole, position, bit))
            reader, number = read_records(self.path), bisect.bisect(starts, position) - 1
            self.assertEqual(list(itertools.islice(reader, number)), RECORDS[:number])
            with self.assertRaisesRegex(ValueError, r"at byte \d+ does not match its checksum"):
                next(reader)

    def test_notices_where_a_file_was_cut_off_inside_a_record(self):
        start = len(self.whole) - len(RECORDS[-1]) - 16
        for length in range(start + 1, len(self.whole)):
            self.write(self.whole[:length])
            with self.assertRaisesRegex(ValueError, r"at byte \d+ does not match its checksum"):
                list(read_records(self.path))

    def test_says_where_a_length_or_a_record_is_damaged(self):
        self.write(flip(self.whole, 16, 1))
        with self.assertRaisesWithLiteralMatch(ValueError, "the length at byte 16 does not match its checksum"):
            list(read_records(self.path))
        self.write(flip(self.whole, 28, 1))
        with self.assertRaisesWithLiteralMatch(
            ValueError, "the record that ends at byte 33 does not match its checksum"
        ):
            list(read_records(self.path))

    @parameterized.parameters(b"\0" * 64, b"not a TFRecord file at all", b"\xff" * 16)
    def test_a_file_of_something_else_is_no_shard(self, data):
        self.write(data)
        with self.assertRaisesWithLiteralMatch(ValueError, "the length at byte 0 does not match its checksum"):
            list(read_records(self.path))

    def test_a_length_beyond_the_file_takes_no_memory(self):
        length = (1 << 62).to_bytes(8, "little")
        self.write(length + records._masked_crc(length) + b"few bytes")
        with self.assertRaisesRegex(ValueError, "the record that ends at byte 21 does not match its checksum"):
            list(read_records(self.path))


class HashFileTest(parameterized.TestCase, tf.test.TestCase):
    # 0xe3069283 is the check value of CRC-32C; the others reach over the blocks that a file is read in.
    @parameterized.parameters(
        (b"", "00000000"), (b"123456789", "e3069283"), (bytes(1 << 20), None), (bytes(range(256)) * 9000, None)
    )
    def test_is_the_checksum_of_the_whole_file(self, data, expected):
        path = self.create_tempfile("a", data, mode="wb").full_path
        self.assertEqual(hash_file(path), expected or f"{google_crc32c.value(data):08x}")

    @parameterized.parameters(hash_file, lambda path: next(read_records(path)))
    def test_a_pipe_is_refused_in_place_of_waiting(self, read):
        pipe = os.path.join(self.create_tempdir().full_path, "pipe")
        os.mkfifo(pipe)
        with self.assertRaisesRegex(OSError, "a pipe or a device"):
            read(pipe)

    def test_equals_the_writers_checksum(self):
        path = os.path.join(self.create_tempdir().full_path, "a.tfrecord")
        with open(path, "wb") as file:
            writer = RecordWriter(file)
            for record in RECORDS:
                writer.write(record)
        self.assertEqual(hash_file(path), writer.crc32c)


if __name__ == "__main__":
    tf.test.main()
