"""Files on a web server, also on one that can do little."""

from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage import http_files
from tests.messages import user_error
from tests.servers.faulty_proxy import FAULTS, serve_faults
from tests.servers.web import serve_web

DATA = bytes(range(256)) * 5000


class HttpFilesTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(
            mock.patch.dict("os.environ", {"XDG_CACHE_HOME": self.create_tempdir().full_path, "NO_PROXY": "*"})
        )
        http_files._open_pool.cache_clear()
        files = {"/a.png": DATA, "/%C3%BC%20b.png": b"odd", "/signed?key=1%2F2": b"signed", "/empty": b""}
        self.root, self.web = self.enter_context(serve_web(files))
        self.url = f"{self.root}/a.png"

    def check_reads(self) -> None:
        self.assertEqual(storage.read_bytes(self.url), DATA)
        self.assertEqual(storage.size(self.url), len(DATA))
        self.assertEqual(storage.read_range(self.url, 10, 20), DATA[10:30])
        self.assertEqual(storage.read_range(self.url, len(DATA) - 2, 20), DATA[-2:])
        with storage.open_file(self.url) as file:
            file.seek(-3, 2)
            self.assertEqual(file.read(), DATA[-3:])
        with storage.local_copy(self.url) as path, open(path, "rb") as file:
            self.assertEqual(file.read(), DATA)
        self.assertTrue(storage.exists(self.url))
        self.assertFalse(storage.exists(f"{self.root}/none"))
        self.assertEqual(storage.read_bytes(f"{self.root}/empty"), b"")

    @parameterized.parameters("has_head", "has_ranges", "has_lengths", "nothing")
    def test_reads_from_a_server_that_lacks(self, lacks):
        for name in ("has_head", "has_ranges", "has_lengths") if lacks == "nothing" else [lacks]:
            setattr(self.web, name, lacks == "nothing")
        self.check_reads()

    def test_a_url_is_sent_as_it_was_written(self):
        self.assertEqual(storage.read_bytes(f"{self.root}/%C3%BC%20b.png"), b"odd")
        self.assertEqual(storage.read_bytes(f"{self.root}/signed?key=1%2F2"), b"signed")

    def test_follows_a_redirect(self):
        self.web.redirects["/old"] = "/a.png"
        self.assertEqual(storage.read_bytes(f"{self.root}/old"), DATA)

    @parameterized.parameters(
        (404, storage.MissingFile, "no such file (status 404"),
        (410, storage.MissingFile, "no such file (status 410"),
        (401, storage.NoPermission, "no permission (status 401"),
        (403, storage.NoPermission, "no permission (status 403"),
        (503, UserError, "status 503 Service Unavailable, also after retries"),
        (400, UserError, "status 400"),
    )
    def test_says_what_is_wrong(self, status, kind, message):
        self.web.statuses["/a.png"] = status
        with mock.patch.object(http_files, "RETRY_SECONDS", 1), self.assertRaises(kind) as raised:
            storage.read_bytes(self.url)
        self.assertIn(f"file {self.url}: received {message}", str(raised.exception))

    def test_a_server_that_is_not_there_is_named(self):
        with mock.patch.object(http_files, "RETRY_SECONDS", 0.3):
            with user_error("http://127.0.0.1:9/a", "a connection that was refused"):
                storage.read_bytes("http://127.0.0.1:9/a")
            with user_error("http://no-such-host.invalid/a", "no such host"):
                storage.read_bytes("http://no-such-host.invalid/a")

    @parameterized.parameters(*FAULTS)
    def test_a_request_that_fails_is_made_again(self, fault):
        proxied, proxy = self.enter_context(serve_faults(self.root, share=0.3, faults=[fault]))
        urls = [f"{proxied}/a.png"] * 20
        self.assertEqual(list(storage.read_many(urls, at_once=4)), [DATA] * 20)
        self.assertNotEmpty(proxy.failed)

    @parameterized.parameters(
        (lambda url: storage.write_atomically(url, b""), "write"),
        (storage.list_names, "list"),
        (storage.remove, "remove"),
        (storage.check_writable, "write"),
    )
    def test_a_web_server_is_only_read(self, verb, word):
        with user_error(self.url, f"nobody can {word} files", "single files to read"):
            verb(self.url)


if __name__ == "__main__":
    tf.test.main()
