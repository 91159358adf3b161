"""The few verbs for files and folders."""

import os
import shutil

import tensorflow as tf
from absl.testing import parameterized

from pipeline import storage
from pipeline.errors import UserError
from pipeline.line_list import LineList


class StorageTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.path = storage.join(self.folder, "a.txt")

    def names(self) -> list[str]:
        return sorted(os.listdir(self.folder))

    def test_a_name_joins_its_folder(self):
        self.assertEqual(storage.join("/data", "dataset.json"), "/data/dataset.json")

    def test_reads_what_was_written(self):
        storage.write_atomically(self.path, b"one")
        storage.write_atomically(self.path, b"two\r\n\0")
        self.assertEqual(storage.read_bytes(self.path), b"two\r\n\0")
        self.assertEqual(storage.size(self.path), 6)
        self.assertEqual(self.names(), ["a.txt"])

    def test_a_file_has_its_old_bytes_until_the_new_ones_are_whole(self):
        storage.write_atomically(self.path, b"old")
        with storage.atomic_file(self.path) as file:
            file.write(b"new")
            file.flush()
            self.assertEqual(storage.read_bytes(self.path), b"old")
        self.assertEqual(storage.read_bytes(self.path), b"new")

    @parameterized.parameters(ValueError, KeyboardInterrupt)
    def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(self, error):
        storage.write_atomically(self.path, b"old")
        with self.assertRaises(error), storage.atomic_file(self.path) as file:
            file.write(b"part")
            raise error
        self.assertEqual(storage.read_bytes(self.path), b"old")
        self.assertEqual(self.names(), ["a.txt"])

    def test_refuses_to_read_what_is_not_there(self):
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"file {self.path}: received No such file or directory, expected a file that can be read. "
            "Check the path and its permissions.",
        ):
            storage.read_bytes(self.path)

    def test_refuses_to_read_a_folder(self):
        with self.assertRaisesRegex(UserError, "received Is a directory, expected a file that can be read"):
            storage.read_bytes(self.folder)

    def test_makes_a_folder_with_its_parents_and_keeps_one_that_is_there(self):
        deep = os.path.join(self.folder, "x", "y")
        storage.make_folder(deep)
        storage.write_atomically(os.path.join(deep, "a"), b"1")
        storage.make_folder(deep)
        self.assertEqual(storage.list_names(deep), ["a"])

    def test_refuses_a_folder_where_a_file_stands(self):
        storage.write_atomically(self.path, b"1")
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"folder {self.path}: received File exists, expected a folder that can be written. "
            "Name another folder, or free this one.",
        ):
            storage.make_folder(self.path)

    def test_refuses_a_folder_below_a_file(self):
        storage.write_atomically(self.path, b"1")
        with self.assertRaisesRegex(UserError, "received Not a directory, expected a folder"):
            storage.make_folder(os.path.join(self.path, "x"))

    def test_tells_what_is_there(self):
        self.assertFalse(storage.exists(self.path))
        storage.write_atomically(self.path, b"1")
        self.assertTrue(storage.exists(self.path))
        self.assertTrue(storage.exists(self.folder))

    def test_lists_and_finds_in_order(self):
        for name in ("c.txt", "a.txt", "b.bin"):
            storage.write_atomically(os.path.join(self.folder, name), b"")
        self.assertEqual(storage.list_names(self.folder), ["a.txt", "b.bin", "c.txt"])
        found = [os.path.join(self.folder, name) for name in ("a.txt", "c.txt")]
        self.assertEqual(storage.find(os.path.join(self.folder, "*.txt")), found)

    def test_there_is_nothing_in_a_folder_that_is_not_there(self):
        self.assertEqual(storage.list_names(os.path.join(self.folder, "x")), [])

    def test_removes_a_file_or_a_whole_folder_or_nothing(self):
        deep = os.path.join(self.folder, "x", "y")
        storage.make_folder(deep)
        storage.write_atomically(self.path, b"")
        for path in (self.path, os.path.join(self.folder, "x"), os.path.join(self.folder, "z")):
            storage.remove(path)
        self.assertEqual(self.names(), [])

    def test_free_bytes_are_those_of_the_disk(self):
        total = shutil.disk_usage(self.folder).total
        self.assertBetween(storage.free_bytes(self.folder), 1, total)

    def test_refuses_to_write_where_there_is_no_folder(self):
        with self.assertRaisesRegex(UserError, "none/x: received No such file or directory, expected a place"):
            storage.write_atomically(os.path.join(self.folder, "none", "x"), b"")

    @parameterized.parameters(
        storage.read_bytes,
        storage.exists,
        storage.size,
        storage.find,
        storage.remove,
        storage.free_bytes,
        storage.make_folder,
        storage.list_names,
        storage.is_folder,
        LineList,
        lambda path: storage.write_atomically(path, b""),
    )
    def test_refuses_a_url(self, verb):
        with self.assertRaisesWithLiteralMatch(
            UserError,
            "path: received 's3://bucket/a', expected a path of this machine. "
            "URLs are not read or written yet: copy the files here, or mount the bucket.",
        ):
            verb("s3://bucket/a")


if __name__ == "__main__":
    tf.test.main()
