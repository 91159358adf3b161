"""Files in an S3 server."""

import os
import subprocess
import sys
import tempfile
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.objects import object_store
from tests import ROOT
from tests.messages import user_error
from tests.pipeline.storage.store_case import StoreCase
from tests.servers.s3 import use_s3

TREE = ("a.txt", "b/c.txt", "b/d/e.txt", "b/d/f.png", "b/.hidden", "漢/#? %25[1].txt")


class ObjectStoreTest(StoreCase):
    def write_tree(self) -> None:
        for name in TREE:
            storage.write_atomically(self.url(name), name.encode())

    def test_reads_what_was_written(self):
        for name in TREE:
            storage.write_atomically(self.url(name), b"old")
        self.write_tree()
        for name in TREE:
            self.assertEqual(storage.read_bytes(self.url(name)), name.encode())
            self.assertEqual(storage.size(self.url(name)), len(name.encode()))

    def test_an_empty_file_is_a_file(self):
        self.write(empty=b"")
        self.assertEqual(storage.read_bytes(self.url("empty")), b"")
        self.assertTrue(storage.exists(self.url("empty")))
        with storage.open_file(self.url("empty")) as file:
            self.assertEqual(file.read(), b"")

    def test_a_file_is_read_from_any_position(self):
        data = os.urandom(3 << 20)
        self.write(data=data)
        self.assertEqual(storage.read_range(self.url("data"), 5, 10), data[5:15])
        self.assertEqual(storage.read_range(self.url("data"), len(data) - 3, 10), data[-3:])
        with storage.open_file(self.url("data")) as file:
            file.seek(-5, os.SEEK_END)
            self.assertEqual(file.read(), data[-5:])
            file.seek(1 << 20)
            self.assertEqual(file.read(7), data[1 << 20 :][:7])
            file.seek(0)
            self.assertEqual(file.read(), data)

    def test_a_large_file_goes_out_in_parts(self):
        data = os.urandom(12 << 20)
        with (
            mock.patch.object(object_store, "ONE_PUT_BYTES", 1 << 20),
            mock.patch.object(object_store, "_PART_BYTES", 5 << 20),
            storage.atomic_file(self.url("data")) as file,
        ):
            file.write(data)
        self.assertEqual(storage.read_bytes(self.url("data")), data)

    def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(self):
        self.write(a=b"old")
        with self.assertRaises(KeyboardInterrupt), storage.atomic_file(self.url("a")) as file:
            file.write(b"part")
            raise KeyboardInterrupt
        self.assertEqual(storage.read_bytes(self.url("a")), b"old")
        self.assertEqual(storage.list_names(self.root), ["a"])

    def test_a_full_temporary_folder_is_named(self):
        with (
            mock.patch.object(
                tempfile, "NamedTemporaryFile", side_effect=OSError(28, "No space left on device")
            ),
            user_error(self.url("a"), "No space left on device", "TMPDIR"),
            storage.atomic_file(self.url("a")) as file,
        ):
            file.write(b"new")
        self.assertEqual(storage.list_names(self.root), [])

    @parameterized.parameters(
        "*", "*.txt", "b/*", "**", "**/*.txt", "b/**/*.txt", "*/c.txt", "b/d/?.*", "b/.*", "z*", "a.txt", "b/**"
    )
    def test_finds_what_a_local_folder_with_the_same_files_has(self, pattern):
        self.write_tree()
        folder = self.create_tempdir().full_path
        self.assertEqual(storage.download_folder(self.root, folder), sorted(TREE))
        local = [os.path.relpath(path, folder) for path in storage.find(pattern, folder)]
        self.assertEqual(
            [path.removeprefix(f"{self.root}/") for path in storage.find(pattern, self.root)],
            [path for path in local if path != {"**": ".", "b/**": "b"}.get(pattern)],
        )
        self.assertEqual(storage.find(self.url(pattern)), storage.find(pattern, self.root))

    def test_lists_a_folder_with_more_files_than_a_page_has(self):
        names = [f"{number:04d}" for number in range(1100)]
        server = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]  # a thousand requests take seconds
        for name in names:
            server.put_object(self.root[5:], f"many/{name}", b"")
        self.assertEqual(storage.list_names(self.url("many")), names)
        storage.remove(self.url("many"))
        self.assertEqual(storage.list_names(self.root), [])

    def test_a_folder_is_there_while_files_are_in_it(self):
        self.write_tree()
        self.assertTrue(storage.exists(self.url("b")) and storage.is_folder(self.url("b/")))
        self.assertFalse(storage.is_folder(self.url("a.txt")) or storage.exists(self.url("b/c")))
        storage.remove(self.url("b"))
        self.assertFalse(storage.exists(self.url("b")))
        self.assertEqual(storage.list_names(self.root), ["a.txt", "漢"])

    def test_the_mark_of_a_folder_that_a_console_made_is_no_file(self):
        import urllib.request

        for name in ("run/", "run/weights/"):
            request = urllib.request.Request(f"{self.server}/{self.root[5:]}/{name}", method="PUT")
            urllib.request.urlopen(request).close()
        self.write(**{"run/weights/best.h5": b"1"})
        self.assertEqual(storage.list_names(self.url("run")), ["weights"])
        self.assertEqual(
            storage.download_folder(self.url("run"), self.create_tempdir().full_path), ["weights/best.h5"]
        )

    def test_check_writable_leaves_nothing_behind(self):
        storage.check_writable(self.url("a/b"))
        self.assertEqual(storage.list_names(self.root), [])

    def test_a_folder_of_any_size_fits(self):
        self.assertIsNone(storage.free_bytes(self.root))
        storage.make_folder(self.url("a"))

    def test_reads_many_files_in_order_with_the_error_of_each(self):
        self.write_tree()
        local = self.create_tempfile("local", b"here").full_path
        paths = [self.url("a.txt"), self.url("none"), local, "/none", self.url("b/c.txt")]
        results = list(storage.read_many(paths * 3, at_once=2))
        self.assertEqual(results[0::5], [b"a.txt"] * 3)
        self.assertEqual([type(result) for result in results[1::5]], [storage.MissingFile] * 3)
        self.assertEqual(results[2::5], [b"here"] * 3)
        self.assertEqual([type(result) for result in results[3::5]], [FileNotFoundError] * 3)
        self.assertEqual(results[4::5], [b"b/c.txt"] * 3)

    @parameterized.parameters(
        (
            "no such file",
            "file {root}/none: received no such file (NoSuchKey",
            storage.MissingFile,
            "{root}/none",
        ),
        (
            "no such bucket",
            "s3://no-bucket/a: received no such bucket (NoSuchBucket",
            UserError,
            "s3://no-bucket/a",
        ),
        ("a bucket", "file {root}: received a bucket", UserError, "{root}"),
        ("no bucket", "settings for s3://: received no bucket", UserError, "s3:///a"),
        ("an odd name", "received a name that no file can have here", UserError, "{root}/a//b"),
        (
            "another scheme",
            "a URL that begins with viewfs://, expected a local path",
            UserError,
            "viewfs://host/a",
        ),
    )
    def test_says_what_is_wrong(self, _, message, kind, url):
        with self.assertRaises(kind) as raised:
            storage.read_bytes(url.format(root=self.root))
        self.assertIn(message.format(root=self.root), str(raised.exception))

    def test_a_missing_bucket_is_not_a_missing_file(self):
        for verb in (storage.exists, storage.list_names, storage.is_folder, storage.remove):
            with user_error("s3://no-bucket", "no such bucket"):
                verb("s3://no-bucket/a")

    def test_credentials_that_are_missing_are_named(self):
        nowhere = {"AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none", "AWS_ACCESS_KEY_ID": ""}
        with use_s3(self.server, **nowhere), user_error(self.root, "no credentials", "AWS_SKIP_SIGNATURE"):
            storage.read_bytes(self.url("a"))

    def test_a_profile_gives_keys_region_and_endpoint(self):
        self.write(a=b"1")
        keys = "aws_access_key_id = k\naws_secret_access_key = s\n"
        profile = f"[profile ours]\nregion = eu-west-1\nendpoint_url = {self.server}\n{keys}"
        path = self.create_tempfile("config", profile).full_path
        with use_s3("", AWS_CONFIG_FILE=path, AWS_PROFILE="ours", AWS_ACCESS_KEY_ID="", AWS_REGION=""):
            os.environ.pop("AWS_DEFAULT_REGION")
            self.assertEqual(storage.read_bytes(self.url("a")), b"1")

    def test_without_obstore_the_extra_is_named(self):
        program = (
            "import sys; sys.modules['obstore'] = None\n"
            "from densenet_ocr.pipeline import storage\nstorage.read_bytes('s3://bucket/a')"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
        self.assertIn("pip install 'densenet-ocr[cloud]'", done.stderr)

    def test_a_url_is_read_without_tensorflow_and_local_paths_without_obstore(self):
        self.write(a=b"1")
        program = (
            "import sys\nfrom densenet_ocr.pipeline import storage\n"
            "storage.list_names('.')\nprint('obstore' in sys.modules)\n"
            f"storage.read_bytes('{self.url('a')}')\nprint('tensorflow' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.stdout.split(), ["False", "False"], done.stderr)

    def test_a_forked_process_is_told_that_it_cannot_read(self):
        self.write(a=b"1")
        program = (
            "import os\nfrom densenet_ocr.pipeline import storage\n"
            f"url = '{self.url('a')}'\nstorage.read_bytes(url)\n"
            "if not os.fork():\n    storage.read_bytes(url)\nos.wait()"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        self.assertIn("a process that was forked", done.stderr)


if __name__ == "__main__":
    tf.test.main()
