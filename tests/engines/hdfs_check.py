"""Files in HDFS, against a name node and a data node of Hadoop."""

import contextlib
import os
import pathlib
import tempfile
import threading
import time
import unittest
import uuid
from collections.abc import Iterator
from unittest import mock

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.file_system import find_system
from densenet_ocr.pipeline.storage.hdfs import client
from densenet_ocr.pipeline.storage.objects import store_lock
from tests.engines.hdfs import run_hdfs

TREE = (
    "a.txt",
    "b/c.txt",
    "b/d/e.txt",
    "b/d/f.png",
    "b/.hidden",
    "漢/#? %25[1]+&;=.txt",
    "back\\slash",
    "sp ace%",
)
USER = {"HADOOP_USER_NAME": "reader"}


class HdfsCheck(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="hdfs-"))).resolve()
        cls.cluster = cls.enterClassContext(run_hdfs(folder))

    def setUp(self):
        self.path = f"/{uuid.uuid4().hex}"
        self.root = f"{self.cluster.root}{self.path}"
        storage.make_folder(self.root)

    def url(self, name: str) -> str:
        return storage.join(self.root, name)

    @contextlib.contextmanager
    def assert_refused(self, *texts: str, kind: type[UserError] = UserError) -> Iterator[None]:
        start = time.monotonic()
        with self.assertRaises(kind) as raised:
            yield
        for text in texts:
            self.assertIn(text, str(raised.exception))
        self.assertLess(time.monotonic() - start, 30)

    def test_reads_what_was_written(self):
        for name in TREE:
            storage.write_atomically(self.url(name), b"old")
            storage.write_atomically(self.url(name), name.encode())
            self.assertEqual(storage.read_bytes(self.url(name)), name.encode())
        self.assertEqual(storage.list_files(self.root), sorted(TREE))
        self.assertEqual(storage.list_names(self.root), ["a.txt", "b", "back\\slash", "sp ace%", "漢"])
        folder = tempfile.mkdtemp()
        storage.download_folder(self.root, folder)
        for pattern in ("*", "*.txt", "b/*", "**/*.txt", "b/**/*.txt", "*/c.txt", "b/.*", "z*"):
            local = [os.path.relpath(path, folder) for path in storage.find(pattern, folder)]
            found = [path.removeprefix(f"{self.root}/") for path in storage.find(pattern, self.root)]
            self.assertEqual(found, local, pattern)

    def test_a_file_is_read_from_any_position(self):
        data = os.urandom(3 << 20)
        with storage.atomic_file(self.url("data")) as file:
            file.write(data)
        self.assertEqual(storage.read_range(self.url("data"), 5, 10), data[5:15])
        self.assertEqual(storage.read_range(self.url("data"), len(data) - 3, 10), data[-3:])
        self.assertEqual(storage.read_range(self.url("data"), len(data), 10), b"")
        with storage.open_file(self.url("data")) as file:
            self.assertEqual(file.read(), data)

    def test_an_empty_file_is_a_file(self):
        storage.write_atomically(self.url("empty"), b"")
        self.assertEqual(storage.read_bytes(self.url("empty")), b"")
        self.assertEqual(storage.size(self.url("empty")), 0)

    def test_folders_are_made_found_and_removed(self):
        storage.check_writable(self.url("x/y"))
        self.assertEqual(storage.list_names(self.root), [])
        storage.write_atomically(self.url("b/c"), b"1")
        self.assertTrue(storage.is_folder(self.url("b/")))
        self.assertFalse(storage.exists(self.url("b/c/d")))
        with self.assert_refused("received a folder"):
            storage.write_atomically(self.url("b"), b"1")
        self.assertEqual(storage.list_names(self.root), ["b"])
        storage.remove(self.url("b"))
        storage.remove_many([self.url("b/c"), self.url("none")])
        self.assertEqual(storage.list_names(self.url("b")), [])

    def test_errors_read_as_what_they_are(self):
        storage.write_atomically(self.url("a"), b"1")
        with self.assert_refused("no such file", kind=storage.MissingFile):
            storage.read_bytes(self.url("none"))
        with self.assert_refused("a name that no file can have here"):
            storage.write_atomically(self.url("a:b"), b"1")
        with mock.patch.dict(os.environ, USER):
            self.assertEqual(storage.read_bytes(self.url("a")), b"1")
            for verb in (
                storage.check_writable,
                storage.remove,
                lambda url: storage.write_atomically(url, b"1"),
            ):
                with self.assert_refused("no permission", "user=reader", kind=storage.NoPermission):
                    verb(self.url("a"))
        with self.assert_refused("no such host"), mock.patch.dict(os.environ, {"WEBHDFS_ADDRESS": ""}):
            storage.read_bytes("hdfs://no-host.invalid/a")

    def test_safe_mode_is_named(self):
        storage.write_atomically(self.url("a"), b"1")
        self.cluster.set_safe_mode(True)
        try:
            self.assertEqual(storage.read_bytes(self.url("a")), b"1")
            with self.assert_refused("a name node in safe mode, also after retries"):
                storage.write_atomically(self.url("b"), b"1")
        finally:
            self.cluster.set_safe_mode(False)

    def test_readers_never_see_a_half_while_a_file_is_replaced(self):
        url, done, seen = self.url("a"), threading.Event(), set()
        storage.write_atomically(url, b"0" * 1000)

        def read():
            while not done.is_set():
                seen.add(storage.read_bytes(url))

        thread = threading.Thread(target=read)
        thread.start()
        for number in range(1, 10):
            storage.write_atomically(url, str(number).encode() * 1000)
        done.set()
        thread.join()
        self.assertLessEqual(seen, {str(number).encode() * 1000 for number in range(10)})

    def test_a_user_without_rights_elsewhere_holds_a_lock_and_renews_it(self):
        self.cluster.call("PUT", self.path, "SETPERMISSION", permission="777")
        system, lock = find_system(self.root), self.url("run.lock")
        with (
            mock.patch.dict(os.environ, USER),
            mock.patch.object(store_lock, "REFRESH_SECONDS", 0.1),
            storage.locked(self.url("run"), wait=False) as check,
        ):
            first = system.read_version(lock)[1]
            while system.read_version(lock)[1] == first:
                check()
            with self.assertRaises(BlockingIOError), storage.locked(self.url("run"), wait=False):
                pass
        self.assertEqual(storage.list_names(self.root), [])

    def test_a_lock_is_replaced_only_in_the_version_that_was_read(self):
        system, lock = find_system(self.root), self.url("lock")
        first = system.put_if(lock, b"1", version=None)
        with self.assertRaises(FileExistsError):
            system.put_if(lock, b"2", version=None)
        second = system.renew(lock, b"1", version=first)
        with self.assertRaises(FileExistsError):
            system.put_if(lock, b"2", version=first)
        system.put_if(lock, b"2", version=second)
        with self.assertRaises(FileExistsError):
            system.renew(lock, b"1", version=second)
        self.assertEqual(system.read_version(lock)[0], b"2")
        self.assertEqual(storage.list_names(self.root), ["lock"])

    def test_one_of_many_gets_a_lock(self):
        system, lock, winners = find_system(self.root), self.url("lock"), []

        def put(number: int) -> None:
            with contextlib.suppress(FileExistsError):
                system.put_if(lock, str(number).encode(), version=None)
                winners.append(number)

        threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([system.read_version(lock)[0]], [str(number).encode() for number in winners])

    def test_a_rename_whose_answer_is_lost_is_done(self):
        real, lost = client._exchange, []

        def lose_first_answer(method, address, node, **options):
            answer = real(method, address, node, **options)
            if "op=RENAME" in address and not lost:
                lost.append(address)
                raise client.RemoteError("ProtocolError", "said by the test", node, passes=True)
            return answer

        with mock.patch.object(client, "_exchange", lose_first_answer):
            storage.write_atomically(self.url("a"), b"1")
        self.assertEqual((len(lost), storage.read_bytes(self.url("a"))), (1, b"1"))
