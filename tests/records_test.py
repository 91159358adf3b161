"""TFRecord framing without TensorFlow, as TensorFlow reads it."""

import io
import os
from unittest import mock

import google_crc32c
import tensorflow as tf

from pipeline import records
from pipeline.errors import UserError
from pipeline.records import RecordWriter

RECORDS = [b"", b"a", bytes(range(256)) * 40, "春".encode(), b"\0" * 9]


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

    def test_knows_count_size_and_checksum_of_the_file(self):
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
            damaged = bytearray(whole)
            damaged[position] ^= 1
            with open(self.path, "wb") as file:
                file.write(damaged)
            with self.assertRaises(tf.errors.DataLossError):
                self.read()

    def test_refuses_to_compute_checksums_in_python(self):
        with (
            mock.patch.object(records.google_crc32c, "implementation", "python"),
            self.assertRaisesWithLiteralMatch(
                UserError,
                "google-crc32c: received its 'python' implementation, expected its C implementation; "
                "pure Python takes a thousand times as long. "
                "Install a wheel: pip install --only-binary=:all: --force-reinstall google-crc32c.",
            ),
        ):
            RecordWriter(io.BytesIO())


if __name__ == "__main__":
    tf.test.main()
