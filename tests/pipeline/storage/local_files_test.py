"""The few verbs for files and folders."""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import uuid
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from tests import ROOT

# Holds a folder's lock while its input is open, and tells.
HOLD = """
import sys
from densenet_ocr.pipeline import storage
folder, wait = sys.argv[1], sys.argv[2] == "1"
try:
    if wait:
        print("asks", flush=True)
    with storage.locked(folder, wait=wait):
        print("held", flush=True)
        sys.stdin.read()
except BlockingIOError:
    print("refused", flush=True)
"""


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

    def test_a_full_disk_raises_an_error_and_leaves_the_old_file(self):
        storage.write_atomically(self.path, b"old")
        identity = uuid.UUID(int=0)
        # A disk that is always full, at the temporary name that the next file gets.
        os.symlink("/dev/full", f"{self.path}{storage.TEMPORARY}{identity.hex[:8]}")
        with (
            mock.patch.object(uuid, "uuid4", lambda: identity),
            self.assertRaisesRegex(
                UserError, f"^file {self.path}: received No space left on device.*Free space"
            ),
        ):
            storage.write_atomically(self.path, b"new")
        self.assertEqual(storage.read_bytes(self.path), b"old")
        self.assertEqual(self.names(), ["a.txt"])

    @parameterized.parameters(
        (errno.EDQUOT, "Disk quota exceeded, .*Free space"),
        (errno.EIO, "Input/output error, .*Make its folder"),
        (errno.EROFS, "Read-only file system, .*Make its folder"),
    )
    def test_a_disk_that_fails_while_a_file_is_renamed_raises_an_error(self, number, message):
        error = OSError(number, os.strerror(number))
        with mock.patch.object(os, "replace", side_effect=error), self.assertRaisesRegex(UserError, message):
            storage.write_atomically(self.path, b"new")
        self.assertEqual(self.names(), [])

    def test_refuses_to_write_over_a_folder(self):
        with self.assertRaisesRegex(UserError, "received Is a directory, expected a writable path"):
            storage.write_atomically(self.folder, b"")

    def test_refuses_to_read_a_missing_file(self):
        with self.assertRaisesRegex(UserError, f"^file {self.path}: received No such file or directory"):
            storage.read_bytes(self.path)

    def test_refuses_to_read_a_folder(self):
        with self.assertRaisesRegex(UserError, "received Is a directory, expected a readable file"):
            storage.read_bytes(self.folder)

    def test_makes_a_folder_with_its_parents_and_keeps_an_existing_one(self):
        deep = os.path.join(self.folder, "x", "y")
        storage.make_folder(deep)
        storage.write_atomically(os.path.join(deep, "a"), b"1")
        storage.make_folder(deep)
        self.assertEqual(storage.list_names(deep), ["a"])

    def test_refuses_a_folder_where_a_file_is(self):
        storage.write_atomically(self.path, b"1")
        with self.assertRaisesRegex(UserError, f"^folder {self.path}: received File exists"):
            storage.make_folder(self.path)

    def test_refuses_a_folder_below_a_file(self):
        storage.write_atomically(self.path, b"1")
        with self.assertRaisesRegex(UserError, "received Not a directory"):
            storage.make_folder(os.path.join(self.path, "x"))

    def test_lists_what_exists(self):
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

    def test_a_missing_folder_has_no_names(self):
        self.assertEqual(storage.list_names(os.path.join(self.folder, "x")), [])

    def test_removes_a_file_or_a_whole_folder_or_nothing(self):
        deep = os.path.join(self.folder, "x", "y")
        storage.make_folder(deep)
        storage.write_atomically(self.path, b"")
        for path in (self.path, os.path.join(self.folder, "x"), os.path.join(self.folder, "z")):
            storage.remove(path)
        self.assertEqual(self.names(), [])

    @parameterized.parameters(
        (0, "0.0 MB"), (5_240_000, "5.2 MB"), (10**9, "1.0 GB"), (3_279_600_000_000, "3279.6 GB")
    )
    def test_sizes_read_in_powers_of_ten(self, count, text):
        self.assertEqual(storage.describe_size(count), text)

    def test_free_bytes_are_those_of_the_disk(self):
        total = shutil.disk_usage(self.folder).total
        self.assertBetween(storage.free_bytes(self.folder), 1, total)

    def test_refuses_to_write_into_a_missing_folder(self):
        with self.assertRaisesRegex(
            UserError, "none/x: received No such file or directory, expected a writable path"
        ):
            storage.write_atomically(os.path.join(self.folder, "none", "x"), b"")

    def test_refuses_a_url_where_only_a_local_file_will_do(self):
        with self.assertRaisesRegex(UserError, "^path: received 's3://bucket/a'.*Copy the files"):
            storage.local_path("s3://bucket/a")


class LockTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.create_tempdir().full_path, "x", "held")

    def start_holder(self, wait: bool = False) -> subprocess.Popen:
        """Another process that holds the lock till its input ends; it says so, or why it does not."""
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, self.folder, str(int(wait))],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(holder.__exit__, None, None, None)  # waits
        self.addCleanup(holder.kill)
        return holder

    def read_line(self, holder: subprocess.Popen) -> str:
        return holder.stdout.readline().strip()

    def is_free(self) -> bool:
        try:
            with storage.locked(self.folder, wait=False):
                return True
        except BlockingIOError:
            return False

    def test_makes_the_folder_and_leaves_it_free_and_empty(self):
        with storage.locked(self.folder, wait=False):
            self.assertEqual(os.listdir(self.folder), [])
            self.assertFalse(self.is_free())
        self.assertTrue(self.is_free())
        self.assertEqual(os.listdir(self.folder), [])

    def test_an_error_inside_frees_the_folder(self):
        with self.assertRaises(KeyboardInterrupt), storage.locked(self.folder, wait=False):
            raise KeyboardInterrupt
        self.assertTrue(self.is_free())

    def test_a_second_process_is_refused_until_the_first_is_done(self):
        first = self.start_holder()
        self.assertEqual(self.read_line(first), "held")
        self.assertFalse(self.is_free())
        self.assertEqual(self.read_line(self.start_holder()), "refused")
        first.communicate()
        self.assertEqual(first.returncode, 0)
        self.assertEqual(self.read_line(self.start_holder()), "held")

    def test_the_lock_of_a_process_that_is_killed_is_free(self):
        first = self.start_holder()
        self.assertEqual(self.read_line(first), "held")
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        self.assertTrue(self.is_free())

    def test_one_that_waits_gets_the_lock_when_it_is_free(self):
        with storage.locked(self.folder, wait=False):
            second = self.start_holder(wait=True)
            self.assertEqual(self.read_line(second), "asks")
        self.assertEqual(self.read_line(second), "held")
        self.assertFalse(self.is_free())

    def test_a_program_that_a_holder_starts_does_not_hold_the_lock_after_it(self):
        with storage.locked(self.folder, wait=False):
            child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        self.assertTrue(self.is_free())
        child.communicate()

    def test_a_waiter_locks_the_new_folder_if_the_old_one_was_removed(self):
        flock, calls = fcntl.flock, []

        def flock_late(*args):
            if not calls:
                storage.remove(self.folder)
            calls.append(args)
            flock(*args)

        with mock.patch.object(fcntl, "flock", flock_late), storage.locked(self.folder, wait=True):
            self.assertFalse(self.is_free())
        self.assertTrue(self.is_free())

    def test_other_folders_are_locked_apart(self):
        with storage.locked(self.folder, wait=False), storage.locked(self.folder + "2", wait=False):
            self.assertFalse(self.is_free())

    def test_a_disk_without_locks_is_used_with_a_warning(self):
        error = OSError(errno.ENOLCK, "No locks available")
        with (
            mock.patch.object(fcntl, "flock", side_effect=error),
            self.assertLogs(level="WARNING") as logged,
            storage.locked(self.folder, wait=False),
        ):
            storage.write_atomically(os.path.join(self.folder, "a"), b"1")
        message = f"{self.folder} cannot be locked (No locks available)"
        self.assertIn(message, logged.output[0])
        self.assertEqual(storage.list_names(self.folder), ["a"])

    def test_refuses_a_folder_where_a_file_is(self):
        path = self.create_tempfile("file").full_path
        with self.assertRaisesRegex(UserError, f"folder {path}: received File exists"):
            storage.locked(path, wait=False).__enter__()


if __name__ == "__main__":
    tf.test.main()
