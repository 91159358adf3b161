"""Paths and URLs as texts."""

import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import storage
from tests.messages import user_error


class PathsTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("s3://bucket", "a", "s3://bucket/a"),
        ("s3://bucket/data/", "a/b", "s3://bucket/data/a/b"),
        ("s3://bucket/what?", "a", "s3://bucket/what?/a"),
        ("https://host/data?key=1", "a.png", "https://host/data/a.png?key=1"),
        ("data", "s3://bucket/a", "s3://bucket/a"),
        ("s3://bucket", "https://host/a", "https://host/a"),
        ("data", "a", "data/a"),
    )
    def test_joins(self, folder, name, path):
        self.assertEqual(storage.join(folder, name), path)

    @parameterized.parameters(
        ("s3://bucket/a/b/c.txt", "s3://bucket/a/b"),
        ("s3://bucket/a", "s3://bucket"),
        ("s3://bucket/a/", "s3://bucket"),
        ("s3://bucket", "s3://bucket"),
        ("a/b", "a"),
    )
    def test_the_parent_of_a_path(self, path, parent):
        self.assertEqual(storage.parent(path), parent)

    def test_a_url_is_absolute(self):
        self.assertEqual(storage.absolute("s3://bucket/a/"), "s3://bucket/a")
        self.assertEqual(storage.absolute("a"), os.path.abspath("a"))

    @parameterized.parameters(
        ("s3://b/a", True), ("S3://b", True), ("a/s3://b", False), ("c:/a", False), ("", False)
    )
    def test_knows_a_url(self, path, is_url):
        self.assertEqual(storage.is_url(path), is_url)

    def test_refuses_a_scheme_that_is_not_known(self):
        with user_error("a URL that begins with file://", "Leave file:// out"):
            storage.read_bytes("file:///tmp/a")


if __name__ == "__main__":
    tf.test.main()
