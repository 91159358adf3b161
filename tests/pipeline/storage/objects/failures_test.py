"""Requests to an S3 server that fail: made again, explained, or given up."""

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.storage.objects import object_store, store_settings
from tests.messages import user_error
from tests.pipeline.storage.store_case import StoreCase
from tests.servers.faulty_proxy import FAULTS, serve_faults
from tests.servers.s3 import use_s3


@contextlib.contextmanager
def give_up_soon() -> Iterator[None]:
    """Within the block, requests are made again for half a second."""
    short = {**store_settings.RETRIES, "retry_timeout": timedelta(seconds=0.5)}
    with (
        mock.patch.object(store_settings, "RETRIES", short),
        mock.patch.object(object_store, "RETRY_SECONDS", 0.5),
    ):
        yield


class FailuresTest(StoreCase):
    def setUp(self):
        super().setUp()
        self.data = {self.url(f"{number}"): os.urandom(3000) for number in range(40)}
        for url, data in self.data.items():
            storage.write_atomically(url, data)
        url, self.proxy = self.enter_context(serve_faults(self.server, share=0))
        self.enter_context(use_s3(url))

    @parameterized.parameters(*FAULTS)
    def test_a_request_that_fails_is_made_again(self, fault):
        self.proxy.share, self.proxy.faults = 0.2, [fault]
        self.assertEqual(list(storage.read_many(self.data, at_once=8)), list(self.data.values()))
        for number, url in enumerate(list(self.data)[:10]):
            storage.write_atomically(url, b"new" * number)
        self.proxy.share = 0
        self.assertGreater(self.proxy.failed[fault], 3)
        self.assertEqual(
            [storage.read_bytes(url) for url in list(self.data)[:10]], [b"new" * n for n in range(10)]
        )

    @parameterized.parameters(*FAULTS)
    def test_lists_and_removals_that_fail_are_made_again(self, fault):
        self.proxy.share, self.proxy.faults = 0.4, [fault]
        for number in range(8):
            self.assertLen(storage.list_names(self.root), 40 - number)
            self.assertLen(storage.list_versions(self.root), 40 - number)
            self.assertTrue(storage.is_folder(self.root))
            storage.check_writable(self.url("new"))
            storage.remove_many([self.url(f"{number}"), self.url("none")])
        self.assertGreater(self.proxy.failed[fault], 3)

    @parameterized.parameters(
        ("403 InvalidAccessKeyId", "credentials that the store does not accept", "Check the keys"),
        ("403 SignatureDoesNotMatch", "credentials that the store does not accept", "Check the keys"),
        ("400 ExpiredToken", "credentials that the store does not accept", "expired"),
        ("403 AccessDenied", "no permission", "Give them the right"),
        ("400 AuthorizationHeaderMalformed", "another region than the bucket's", "AWS_REGION"),
        ("301 PermanentRedirect", "another region than the bucket's", "AWS_REGION"),
        ("404 NoSuchBucket", "no such bucket", "Check the bucket's name"),
    )
    def test_an_error_of_the_store_reads_as_what_it_is(self, fault, received, remedy):
        self.proxy.share, self.proxy.faults = 1, [fault]
        verbs = (storage.read_bytes, storage.exists, storage.size, storage.list_names, storage.check_writable)
        for verb in verbs:
            with user_error(self.root, received, remedy):
                verb(self.url("0"))
        with user_error(self.root, received, remedy):
            storage.write_atomically(self.url("0"), b"new")

    @parameterized.parameters(
        ("503", "too busy, also after retries (SlowDown"),
        ("reset", "a connection that broke, also after retries"),
        ("cut", "a connection that broke, also after retries"),
    )
    def test_a_store_that_keeps_failing_is_given_up(self, fault, received):
        self.proxy.share, self.proxy.faults = 1, [fault]
        with give_up_soon(), user_error(self.root, received):
            storage.read_bytes(self.url("0"))

    def test_a_store_that_is_not_there_is_named(self):
        for endpoint, received in (
            ("http://127.0.0.1:9", "a connection that was refused"),
            ("http://no-such-host.invalid", "no such host"),
        ):
            with (
                give_up_soon(),
                use_s3(endpoint, NO_PROXY="*"),
                user_error(self.root, received, "Check the endpoint"),
            ):
                storage.read_bytes(self.url("0"))

    def test_users_wait_for_half_a_minute_at_most(self):
        self.assertLess(object_store.RETRY_SECONDS, 30)
        self.assertLess(store_settings.RETRIES["retry_timeout"], timedelta(seconds=30))


if __name__ == "__main__":
    tf.test.main()
