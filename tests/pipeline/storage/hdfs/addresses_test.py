"""Web addresses of name nodes."""

import os
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.storage.hdfs.addresses import find_addresses, find_user, split_url
from tests.messages import user_error


class AddressesTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(mock.patch.dict(os.environ))
        os.environ.pop("WEBHDFS_ADDRESS", None)

    @parameterized.parameters(
        ("hdfs://nn/a/b", "nn", "/a/b"),
        ("hdfs://nn:8020/a/", "nn:8020", "/a"),
        ("hdfs://nn", "nn", "/"),
        ("hdfs:///a", "", "/a"),
    )
    def test_a_url_has_a_name_node_and_a_path(self, url, node, path):
        self.assertEqual(split_url(url), (node, path))

    @parameterized.parameters(("nn:8020", "nn"), ("nn", "nn"), ("[::1]:8020", "[::1]"), ("[::1]", "[::1]"))
    def test_without_a_setting_it_is_the_port_of_hadoop_3_of_the_host(self, node, host):
        self.assertEqual(find_addresses(f"hdfs://{node}/a"), [f"http://{host}:9870"])

    def test_the_setting_names_one_or_several(self):
        os.environ["WEBHDFS_ADDRESS"] = "http://one:50070/, https://two:9871"
        self.assertEqual(find_addresses("hdfs://service/a"), ["http://one:50070", "https://two:9871"])
        self.assertEqual(find_addresses("hdfs:///a"), ["http://one:50070", "https://two:9871"])

    def test_a_url_without_a_name_node_needs_the_setting(self):
        with user_error("hdfs:///a", "no name node", "WEBHDFS_ADDRESS"):
            find_addresses("hdfs:///a")

    @parameterized.parameters("hdfs://nn:8020", "nn:9870", "http://nn:9870/webhdfs/v1")
    def test_a_setting_that_is_no_web_address_is_refused(self, address):
        os.environ["WEBHDFS_ADDRESS"] = address
        with user_error(repr(address), "Correct WEBHDFS_ADDRESS"):
            find_addresses("hdfs://nn/a")

    def test_the_user_is_that_of_hadoop_or_of_the_machine(self):
        os.environ["HADOOP_USER_NAME"] = "reader"
        self.assertEqual(find_user(), "reader")
        os.environ.pop("HADOOP_USER_NAME")
        self.assertNotEmpty(find_user())


if __name__ == "__main__":
    tf.test.main()
