"""Conversions from and to a bucket, against the same ones on this machine."""

import json
import os
from unittest import mock

import tensorflow as tf

from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.beam_jobs.engine.tfrecord_writer import TFRecordShardWriter
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from tests.beam_jobs.conversion.conversion_case import read_folder
from tests.pipeline.storage.store_case import StoreCase
from tests.samples import conversion, write_lines, write_list

_LINES = 40


class ObjectStoreTest(StoreCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        write_lines(self.folder, _LINES)
        rows = [f"{n}.png {n % 10 + 1}" for n in range(_LINES)]
        write_list(self.folder, [*rows, "missing.png 1", "../out.png 2", "./3.png 5", "4.png x"])

    def upload(self, root: str = "") -> None:
        storage.upload_folder(self.folder, root or self.root)

    def convert_local(self, **changes) -> dict[str, bytes]:
        convert(conversion(self.folder, max_reject_fraction=1, **changes), workers=1)
        return read_folder(os.path.join(self.folder, "data"))

    def convert_remote(self, root: str = "", **changes) -> dict:
        given = {"max_reject_fraction": 1, "output": self.url("data"), **changes}
        root = root or self.root
        lists = (storage.join(root, "train.txt"),)
        paths = {"list_paths": lists, "image_root": root, "charset_path": storage.join(root, "charset.txt")}
        return convert(conversion(self.folder, **{**paths, **given}), workers=1)

    def read_remote(self) -> dict[str, bytes]:
        folder = self.create_tempdir().full_path
        storage.download_folder(self.url("data"), folder)
        return read_folder(folder)

    def assertSameData(self, remote: dict[str, bytes], local: dict[str, bytes]) -> None:
        self.assertEqual(list(remote), list(local))
        for name in local:
            if name.endswith(".tfrecord"):
                self.assertEqual(remote[name], local[name], name)
        described = [json.loads(files["dataset.json"]) for files in (remote, local)]
        for one in described:
            one["splits"]["train"].pop("sources")
        self.assertEqual(described[0]["splits"]["train"]["refused"], described[1]["splits"]["train"]["refused"])
        self.assertEqual(described[0]["splits"]["train"]["shards"], described[1]["splits"]["train"]["shards"])

    def test_writes_the_bytes_of_a_local_run(self):
        self.upload()
        result = self.convert_remote()
        self.assertEqual(
            result["refused"], {"bad_id": 1, "duplicate": 2, "missing_image": 1, "outside_root": 1}
        )
        self.assertSameData(self.read_remote(), self.convert_local())
        self.assertEmpty(storage.list_names(self.url("data/train.unfinished")))

    def test_resumes_with_the_missing_shards(self):
        self.upload()
        with (
            mock.patch.object(TFRecordShardWriter, "write", fail_at(TFRecordShardWriter.write, call=3)),
            self.assertRaisesRegex(UserError, "the end"),
        ):
            self.convert_remote()
        self.assertFalse(storage.exists(self.url("data/dataset.json")))
        written = []
        with mock.patch.object(TFRecordShardWriter, "write", count_calls(TFRecordShardWriter.write, written)):
            self.convert_remote()
        self.assertLen(written, 4)
        self.assertSameData(self.read_remote(), self.convert_local())

    def test_writes_a_damaged_shard_again(self):
        self.upload()
        self.convert_remote()
        before = self.read_remote()
        name = next(name for name in before if name.endswith(".tfrecord"))
        storage.write_atomically(self.url(f"data/{name}"), before[name][:-1])
        self.convert_remote()
        self.assertEqual(self.read_remote(), before)

    def test_replaces_a_split(self):
        self.upload()
        self.convert_remote()
        self.convert_remote(overwrite=True, lines_per_shard=100)
        names = storage.list_names(self.url("data"))
        self.assertEqual(names, ["dataset.json", "train-00000-of-00001.tfrecord", "train.rejects.tsv"])

    def test_refuses_to_write_to_a_web_server(self):
        self.upload()
        with self.assertRaisesRegex(UserError, "a web server, of which nobody can write files"):
            self.convert_remote(output="http://127.0.0.1:1/data")

    def test_refuses_a_list_of_images_that_may_not_be_read(self):
        self.upload()
        denied = storage.NoPermission("file a", received="no permission", expected="b", remedy="c")
        with (
            mock.patch("densenet_ocr.pipeline.images.storage.read_bytes", side_effect=denied),
            self.assertRaisesRegex(UserError, "no permission"),
        ):
            self.convert_remote(lines_per_shard=100)

    def test_refuses_an_lmdb(self):
        with self.assertRaisesRegex(UserError, "LMDB s3://bucket/lines: received a URL"):
            convert(conversion(self.folder, list_paths=(), lmdb_path="s3://bucket/lines", list_format="auto"))


def fail_at(method, *, call: int):
    """The method, which fails at the given call of it."""
    calls = []

    def fail(self, *arguments):
        calls.append(1)
        if len(calls) == call:
            raise UserError("test", received="the end", expected="more", remedy="None.")
        return method(self, *arguments)

    return fail


def count_calls(method, calls: list):
    """The method, which adds an element to `calls` at each call."""

    def count(self, *arguments):
        calls.append(1)
        return method(self, *arguments)

    return count


if __name__ == "__main__":
    tf.test.main()
