"""Locks of folders in a bucket."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from unittest import mock

import tensorflow as tf

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.errors import NoConditionalPuts
from densenet_ocr.pipeline.storage.objects import object_store, store_lock
from tests import ROOT
from tests.messages import user_error
from tests.pipeline.storage.store_case import StoreCase

# Holds a folder's lock till its input ends, and tells.
HOLD = """
import sys
from densenet_ocr.pipeline import storage
with storage.locked(sys.argv[1], wait=False):
    print("held", flush=True)
    sys.stdin.read()
"""
AT_ONCE = {"REFRESH_SECONDS": 0.05, "STALE_SECONDS": 0.3, "_POLL_SECONDS": 0.05}


class StoreLockTest(StoreCase):
    def setUp(self):
        super().setUp()
        self.folder = self.url("run")

    def start_holder(self) -> subprocess.Popen:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, self.folder],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(holder.__exit__, None, None, None)  # waits
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), "held\n")
        return holder

    def is_free(self) -> bool:
        try:
            with storage.locked(self.folder, wait=False):
                return True
        except BlockingIOError:
            return False

    def write_lock(self, **changes: object) -> None:
        content = {**store_lock._identify(), "token": "another", "time": time.time(), **changes}
        storage.write_atomically(f"{self.folder}.lock", json.dumps(content).encode())

    def test_the_lock_of_a_bucket_is_in_it(self):
        with storage.locked(self.root, wait=False):
            self.assertTrue(storage.exists(self.url(".lock")))
        self.assertFalse(storage.exists(self.url(".lock")))

    def test_a_second_holder_is_refused_by_name_until_the_first_is_done(self):
        with storage.locked(self.folder, wait=False):
            self.assertFalse(self.is_free())
            with user_error("run", f"(process {os.getpid()} of ", ".lock", "Wait"):
                storage.held(self.folder, subject="run", received="a second", remedy="Wait.").__enter__()
        self.assertTrue(self.is_free())
        self.assertEqual(storage.list_names(self.root), [])

    def test_the_lock_of_a_process_that_is_killed_is_free_at_once(self):
        holder = self.start_holder()
        self.assertFalse(self.is_free())
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        self.assertTrue(self.is_free())
        self.assertEqual(storage.list_names(self.root), [])

    def test_the_lock_of_another_machine_is_taken_over_when_it_is_not_refreshed(self):
        with mock.patch.multiple(store_lock, **AT_ONCE):
            self.write_lock(host="another machine")
            start = time.monotonic()
            self.assertTrue(self.is_free())
            self.assertGreater(time.monotonic() - start, AT_ONCE["STALE_SECONDS"])

    def test_the_lock_of_another_machine_that_is_refreshed_is_held(self):
        stop = threading.Event()

        def refresh():
            while not stop.wait(0.05):
                self.write_lock(host="another machine", time=time.time() - 1000)

        with mock.patch.multiple(store_lock, **AT_ONCE), self.assertLogs(level="INFO") as logs:
            self.write_lock(host="another machine")
            thread = threading.Thread(target=refresh)
            thread.start()
            self.assertFalse(self.is_free())
            stop.set()
            thread.join()
        self.assertRegex("".join(logs.output), "whether the holder of its lock is alive: .* of another machine")

    def test_a_holder_keeps_its_lock_fresh(self):
        with mock.patch.multiple(store_lock, **AT_ONCE), storage.locked(self.folder, wait=False):
            first = object_store.ObjectStore().read_version(f"{self.folder}.lock")[1]
            for _ in range(200):
                if object_store.ObjectStore().read_version(f"{self.folder}.lock")[1] != first:
                    break
                time.sleep(0.05)
            else:
                self.fail("the lock was never written again")

    def test_a_holder_that_lost_its_lock_is_told(self):
        with (
            mock.patch.object(store_lock, "REFRESH_SECONDS", 0.05),
            self.assertLogs(level="ERROR"),
            self.assertRaisesRegex(UserError, "another process's lock"),
            storage.locked(self.folder, wait=False),
        ):
            self.write_lock()
            for thread in threading.enumerate():
                if thread.name == "lock":
                    thread.join()
        self.assertTrue(storage.exists(f"{self.folder}.lock"))

    def test_one_that_waits_gets_the_lock_when_it_is_free(self):
        got = threading.Event()

        def wait():
            with storage.locked(self.folder, wait=True):
                got.set()

        with mock.patch.multiple(store_lock, **AT_ONCE):
            with storage.locked(self.folder, wait=False):
                thread = threading.Thread(target=wait)
                thread.start()
            thread.join()
        self.assertTrue(got.is_set())

    def test_a_store_without_conditional_puts_is_used_with_a_warning(self):
        real = object_store.ObjectStore.put_if

        def ignore_conditions(self, url, data, *, version):
            storage.remove(url)
            return real(self, url, data, version=None)

        def refuse_conditions(self, url, data, *, version):
            raise NoConditionalPuts

        for put in (ignore_conditions, refuse_conditions):
            with (
                mock.patch.object(object_store.ObjectStore, "put_if", put),
                self.assertLogs(level="WARNING") as logged,
                storage.locked(self.folder, wait=False),
            ):
                self.write(**{"run/a": b"1"})
            self.assertIn("no conditional puts", logged.output[0])

    def test_a_lock_whose_answer_was_lost_is_held(self):
        real, calls = object_store.ObjectStore.put_if, []

        def lose_first_answer(self, url, data, *, version):
            calls.append(version)
            found = real(self, url, data, version=version)
            if len(calls) == 1:
                raise FileExistsError(url)  # the put was made again, and found itself
            return found

        with (
            mock.patch.object(object_store.ObjectStore, "put_if", lose_first_answer),
            storage.locked(self.folder, wait=False) as check,
        ):
            check()
        self.assertTrue(self.is_free())

    def test_a_holder_that_has_lost_the_lock_finds_out(self):
        with user_error("another process's lock"), storage.locked(self.folder, wait=False) as check:
            check()
            self.write_lock()
            check()
        storage.remove(f"{self.folder}.lock")
        with user_error("another process's lock"), storage.locked(self.folder, wait=False) as check:
            storage.remove(f"{self.folder}.lock")
            check()

    def test_a_damaged_lock_is_taken_over(self):
        storage.write_atomically(f"{self.folder}.lock", b"no JSON")
        with mock.patch.multiple(store_lock, **AT_ONCE):
            self.assertTrue(self.is_free())


if __name__ == "__main__":
    tf.test.main()
