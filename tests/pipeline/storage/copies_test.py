"""Folders that go from disk to bucket and back."""

import os

import tensorflow as tf

from densenet_ocr.pipeline import storage
from tests.messages import user_error
from tests.pipeline.storage.store_case import StoreCase
from tests.servers.faulty_proxy import serve_faults
from tests.servers.s3 import use_s3


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
