"""Local copies of URLs, and folders that go from disk to bucket and back."""

import os
import subprocess
import sys
from unittest import mock

import tensorflow as tf

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.storage import copies
from tests import ROOT
from tests.messages import user_error
from tests.pipeline.storage.store_case import StoreCase
from tests.servers.faulty_proxy import serve_faults
from tests.servers.s3 import use_s3

COPY = """
import sys
from densenet_ocr.pipeline import storage
with storage.local_copy(sys.argv[1]) as path:
    print(len(open(path, "rb").read()))
"""


class LocalCopyTest(StoreCase):
    def read_copy(self, url: str) -> bytes:
        with storage.local_copy(url) as path, open(path, "rb") as file:
            return file.read()

    def test_a_local_path_is_its_own_copy(self):
        with storage.local_copy("data/a.h5") as path:
            self.assertEqual(path, "data/a.h5")

    def test_a_url_is_downloaded_once_for_each_version(self):
        proxied, proxy = self.enter_context(serve_faults(self.server, share=0))
        self.write(**{"best.weights.h5": b"old"})
        with use_s3(proxied):
            for _ in range(3):
                self.assertEqual(self.read_copy(self.url("best.weights.h5")), b"old")
            self.assertEqual(proxy.requests["GET"], 1)
            self.write(**{"best.weights.h5": b"new"})
            self.assertEqual(self.read_copy(self.url("best.weights.h5")), b"new")
            self.assertEqual(proxy.requests["GET"], 2)

    def test_a_copy_keeps_the_extension(self):
        self.write(**{"best.weights.h5": b"1"})
        with storage.local_copy(self.url("best.weights.h5")) as path:
            self.assertEndsWith(path, "best.weights.h5")

    def test_processes_share_a_copy(self):
        proxied, proxy = self.enter_context(serve_faults(self.server, share=0, latency=0.2))
        self.write(a=b"12345")
        with use_s3(proxied):
            words = [sys.executable, "-c", COPY, self.url("a")]
            processes = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)]
            self.assertEqual([process.communicate()[0] for process in processes], [b"5\n"] * 3)
        self.assertEqual(proxy.requests["GET"], 1)

    def test_a_download_that_is_cut_short_is_made_again(self):
        data = os.urandom(100_000)
        proxied, proxy = self.enter_context(serve_faults(self.server, share=0.5, faults=["cut", "reset"]))
        self.write(**{f"{number}": data for number in range(6)})
        with use_s3(proxied):
            for number in range(6):
                self.assertEqual(self.read_copy(self.url(f"{number}")), data)
        self.assertNotEmpty(proxy.failed)

    def test_old_copies_are_removed_unless_they_are_in_use(self):
        self.write(a=b"a" * 100, b=b"b" * 100, c=b"c" * 100)
        with mock.patch.object(copies, "_MOST_CACHE_BYTES", 150), storage.local_copy(self.url("a")) as used:
            for name in "bcbcb":
                self.assertEqual(self.read_copy(self.url(name)), name.encode() * 100)
            self.assertTrue(os.path.exists(used))
            files = [name for name in os.listdir(copies.find_cache_folder()) if not name.endswith(".lock")]
            self.assertLen(files, 2)

    def test_a_missing_file_leaves_no_copy(self):
        with self.assertRaises(storage.MissingFile):
            self.read_copy(self.url("none"))
        self.assertEqual([name for name in os.listdir(copies.find_cache_folder()) if "none" in name], [])


class FolderCopyTest(StoreCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.files = {"config.json": b"{}", "weights/1.h5": b"1", "weights/2.h5": b"", "tensorboard/x/y": b"3"}
        for name, data in self.files.items():
            storage.make_folder(os.path.dirname(os.path.join(self.folder, name)))
            storage.write_atomically(os.path.join(self.folder, name), data)

    def test_a_folder_comes_back_as_it_went(self):
        storage.write_atomically(os.path.join(self.folder, f"a{storage.TEMPORARY}12345678"), b"half")
        self.assertCountEqual(storage.upload_folder(self.folder, self.url("run")), self.files)
        copy = self.create_tempdir().full_path
        self.assertEqual(storage.download_folder(self.url("run"), copy), sorted(self.files))
        for name, data in self.files.items():
            self.assertEqual(storage.read_bytes(os.path.join(copy, name)), data)

    def test_the_last_file_is_put_after_all_others(self):
        put = storage.upload_folder(self.folder, self.url("run"), last=["config.json"])
        self.assertEqual(put[-1], "config.json")
        self.assertCountEqual(put, self.files)

    def test_the_last_file_is_not_put_where_another_one_failed(self):
        proxied, proxy = self.enter_context(serve_faults(self.server, share=1, faults=["403 AccessDenied"]))
        with use_s3(proxied), user_error(self.url("run"), "no permission"):
            storage.upload_folder(self.folder, self.url("run"), last=["config.json"])
        self.assertEqual(storage.list_names(self.url("run")), [])
        self.assertLessEqual(proxy.requests["PUT"], 3)

    def test_named_files_alone_are_put(self):
        storage.upload_folder(self.folder, self.url("run"), names=["weights/1.h5"])
        self.assertEqual(storage.find("**/*.h5", self.url("run")), [self.url("run/weights/1.h5")])


if __name__ == "__main__":
    tf.test.main()
