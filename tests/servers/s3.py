"""moto's S3 server in this process, and the settings by which clients find it."""

import contextlib
import logging
import os
from collections.abc import Iterator
from unittest import mock

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextlib.contextmanager
def serve_s3(*buckets: str) -> Iterator[str]:
    """Within the block, an S3 server that has some buckets; yields its URL."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        with use_s3(url):
            for bucket in buckets:
                make_bucket(url, bucket)
        yield url
    finally:
        server.stop()


def make_bucket(url: str, bucket: str) -> None:
    """Makes a bucket in a server without checks of signatures."""
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"{url}/{bucket}", method="PUT")).close()


@contextlib.contextmanager
def use_s3(url: str, **settings: str) -> Iterator[None]:
    """Within the block, this process and those that it starts find S3 at a URL."""
    from densenet_ocr.pipeline.storage.objects import object_store

    object_store._open_cached.cache_clear()
    with mock.patch.dict(os.environ, {**SETTINGS, "AWS_ENDPOINT_URL": url, **settings}):
        try:
            yield
        finally:
            object_store._open_cached.cache_clear()
