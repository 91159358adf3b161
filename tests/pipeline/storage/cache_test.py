"""Local copies of files and folders behind URLs, by version."""

import os
import subprocess
import sys
from unittest import mock

import tensorflow as tf

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.storage import cache
from densenet_ocr.pipeline.storage.objects.object_store import ObjectStore
from tests import ROOT
from tests.messages import user_error
from tests.pipeline.storage.store_case import StoreCase
from tests.servers.faulty_proxy import serve_faults
from tests.servers.s3 import use_s3
from tests.servers.web import serve_web

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
        with mock.patch.object(cache, "_MOST_CACHE_BYTES", 150), storage.local_copy(self.url("a")) as used:
            for name in "bcbcb":
                self.assertEqual(self.read_copy(self.url(name)), name.encode() * 100)
            self.assertTrue(os.path.exists(used))
            files = [name for name in os.listdir(cache.find_cache_folder()) if not name.endswith(".lock")]
            self.assertLen(files, 2)

    def test_a_missing_file_leaves_no_copy(self):
        with self.assertRaises(storage.MissingFile):
            self.read_copy(self.url("none"))
        self.assertEqual([name for name in os.listdir(cache.find_cache_folder()) if "none" in name], [])

    def test_a_file_that_changes_while_it_is_copied_is_copied_again(self):
        self.write(a=b"old")
        download, changes = ObjectStore.download, [b"new"]

        def disturbed(system, url, path):
            download(system, url, path)
            for data in changes:
                self.write(a=data)
            changes.clear()

        with mock.patch.object(ObjectStore, "download", disturbed):
            self.assertEqual(self.read_copy(self.url("a")), b"new")
            self.assertEqual(self.read_copy(self.url("a")), b"new")

    def test_a_file_that_changes_all_the_time_is_refused(self):
        self.write(a=b"1")
        download = ObjectStore.download

        def disturbed(system, url, path):
            download(system, url, path)
            self.write(a=os.urandom(8))

        with (
            mock.patch.object(ObjectStore, "download", disturbed),
            user_error(self.url("a"), "changed", "3 times"),
        ):
            self.read_copy(self.url("a"))


class LocalFolderTest(StoreCase):
    NAMES = ("export.json", "variables/variables.index")

    def read(self, folder: str) -> dict[str, bytes]:
        with storage.local_folder(folder, self.NAMES) as copy:
            return {name: storage.read_bytes(os.path.join(copy, name)) for name in self.NAMES}

    def test_the_named_files_are_copied_once_for_their_versions(self):
        proxied, proxy = self.enter_context(serve_faults(self.server, share=0))
        files = {f"export/{name}": name.encode() for name in self.NAMES}
        self.write(**files, **{"export/other": b"3"})
        with use_s3(proxied):
            for _ in range(2):
                self.assertEqual(self.read(self.url("export")), {name: name.encode() for name in self.NAMES})
            self.assertEqual(proxy.requests["GET"], len(self.NAMES))
            self.write(**{"export/export.json": b"new"})
            self.assertEqual(self.read(self.url("export"))["export.json"], b"new")

    def test_a_folder_of_a_web_server_is_copied_too(self):
        url, _ = self.enter_context(serve_web({f"/export/{name}": name.encode() for name in self.NAMES}))
        self.assertEqual(self.read(f"{url}/export"), {name: name.encode() for name in self.NAMES})

    def test_a_folder_without_one_of_them_leaves_no_copy(self):
        self.write(**{"export/export.json": b"{}"})
        with self.assertRaises(storage.MissingFile):
            self.read(self.url("export"))

    def test_old_copies_of_folders_are_removed(self):
        for folder in "ab":
            self.write(**{f"{folder}/{name}": b"1" * 100 for name in self.NAMES})
        with mock.patch.object(cache, "_MOST_CACHE_BYTES", 250):
            for folder in "ab":
                self.read(self.url(folder))
        kept = [name for name in os.listdir(cache.find_cache_folder()) if not name.endswith(".lock")]
        self.assertEqual([name[-2:] for name in kept], ["-b"])


if __name__ == "__main__":
    tf.test.main()
