"""A test case with a bucket of its own in one S3 server of the module."""

import contextlib
import uuid

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import storage
from tests.servers.s3 import make_bucket, serve_s3, use_s3


class StoreCase(parameterized.TestCase, tf.test.TestCase):
    """`self.root` is the URL of an empty bucket."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = contextlib.ExitStack()
        cls.server = cls.servers.enter_context(serve_s3())

    @classmethod
    def tearDownClass(cls):
        cls.servers.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        bucket = f"bucket-{uuid.uuid4().hex}"
        make_bucket(self.server, bucket)
        self.root = f"s3://{bucket}"
        self.enter_context(use_s3(self.server, XDG_CACHE_HOME=self.create_tempdir().full_path))

    def url(self, name: str) -> str:
        return storage.join(self.root, name)

    def write(self, **files: bytes) -> None:
        for name, data in files.items():
            storage.write_atomically(self.url(name), data)
