"""Azurite, Microsoft's emulator of Azure Blob Storage, and the settings by which clients find it."""

import base64
import contextlib
import datetime
import hashlib
import hmac
import os
import pathlib
import urllib.request
from collections.abc import Iterator
from unittest import mock

from tests.engines.processes import Server, answers, find_port

# The account that every Azurite has: learn.microsoft.com/azure/storage/common/storage-use-azurite
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_VERSION = "2021-08-06"


@contextlib.contextmanager
def run_azurite(command: pathlib.Path, folder: pathlib.Path, container: str) -> Iterator[str]:
    """Runs Azurite with a container within the block; this process and those that it starts find it.

    Args:
      command: Its blob server.
      folder: For its log.
      container: The container's name.

    Yields:
      The az:// URL of the container.
    """
    from densenet_ocr.pipeline.storage.objects import object_store

    port = find_port()
    options = ["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    words = [str(command), "--blobHost=127.0.0.1", f"--blobPort={port}", *options]
    server = Server(words, folder / "azurite.log")
    try:
        server.wait_for(lambda: answers("127.0.0.1", port))
        endpoint = f"http://127.0.0.1:{port}/{_ACCOUNT}"
        _make_container(endpoint, container)
        text = f"AccountName={_ACCOUNT};AccountKey={_KEY};BlobEndpoint={endpoint}"
        object_store._open_cached.cache_clear()
        with mock.patch.dict(os.environ, {"AZURE_STORAGE_CONNECTION_STRING": text}):
            yield f"az://{container}"
    finally:
        object_store._open_cached.cache_clear()
        server.stop()


def _make_container(endpoint: str, name: str) -> None:
    """Makes a container by a signed request; see "Authorize with Shared Key" of Azure's REST reference."""
    time = datetime.datetime.now(datetime.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    head = f"x-ms-date:{time}\nx-ms-version:{_VERSION}\n"
    text = "PUT" + "\n" * 12 + f"{head}/{_ACCOUNT}/{_ACCOUNT}/{name}\nrestype:container"
    digest = hmac.new(base64.b64decode(_KEY), text.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": time,
        "x-ms-version": _VERSION,
        "Authorization": f"SharedKey {_ACCOUNT}:{base64.b64encode(digest).decode()}",
    }
    address = f"{endpoint}/{name}?restype=container"
    urllib.request.urlopen(urllib.request.Request(address, method="PUT", headers=headers)).close()
