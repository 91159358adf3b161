"""A server with the XML interface of Google Cloud Storage: objects in memory, with generations and conditions.

It has what clients of one-request uploads use: GET, HEAD, ranges, PUT, DELETE and lists, each after
https://cloud.google.com/storage/docs/xml-api/reference-methods. It checks no credentials.
"""

import contextlib
import email.utils
import http.server
import itertools
import os
import re
import threading
import urllib.parse
from collections.abc import Iterator
from unittest import mock
from xml.sax.saxutils import escape

from tests.servers.threads import serve

_CONDITION = "x-goog-if-generation-match"
_TIME = email.utils.formatdate(0, usegmt=True)


class Bucket:
    """The objects of a server: bytes and generation by "bucket/key"; a lock for changes."""

    def __init__(self) -> None:
        self.objects, self.lock = dict[str, tuple[bytes, int]](), threading.Lock()
        self._generations = itertools.count(1_700_000_000_000_000)

    def put(self, name: str, data: bytes, condition: str | None) -> int:
        """Puts an object; returns its generation, 0 if the condition on the present one does not hold."""
        with self.lock:
            if condition is not None and int(condition) != self.objects.get(name, (b"", 0))[1]:
                return 0
            self.objects[name] = data, next(self._generations)
            return self.objects[name][1]


@contextlib.contextmanager
def serve_google() -> Iterator[str]:
    """Within the block, a server that has any bucket; yields its URL."""
    with serve(type("Handler", (_Handler,), {"bucket": Bucket()})) as url:
        yield url


@contextlib.contextmanager
def use_google(url: str) -> Iterator[None]:
    """Within the block, this process and those that it starts find Google Cloud Storage at a URL."""
    from densenet_ocr.pipeline.storage.objects import object_store

    object_store._open_cached.cache_clear()
    with mock.patch.dict(os.environ, {"STORAGE_EMULATOR_HOST": url}):
        try:
            yield
        finally:
            object_store._open_cached.cache_clear()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    bucket: Bucket

    @property
    def name(self) -> str:
        return urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).lstrip("/")

    def do_GET(self) -> None:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        if "list-type" in query:
            self._send(200, self._list(query))
            return
        found = self.bucket.objects.get(self.name)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if found is None:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>")
        elif wanted:
            first, end = int(wanted[1]), int(wanted[2] or len(found[0])) + 1
            part, total = found[0][first:end], len(found[0])
            extra = {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{total}"}
            self._send(206, part, found[1], **extra)
        else:
            self._send(200, *found)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        generation = self.bucket.put(self.name, data, self.headers.get(_CONDITION))
        if generation:
            self._send(200, b"", generation)
        else:
            self._send(412, b"<Error><Code>PreconditionFailed</Code></Error>")

    def do_DELETE(self) -> None:
        with self.bucket.lock:
            found = self.bucket.objects.pop(self.name, None)
        self._send(404 if found is None else 204, b"")

    def _list(self, query: dict[str, str]) -> bytes:
        prefix, mark = f"{self.name}/{query.get('prefix', '')}", query.get("delimiter")
        names = sorted(name for name in list(self.bucket.objects) if name.startswith(prefix))
        start = len(self.name) + 1
        deeper = {
            name[: name.index(mark, len(prefix)) + 1] for name in names if mark and mark in name[len(prefix) :]
        }
        entries = [
            f"<Contents><Key>{escape(name[start:])}</Key><Size>{len(data)}</Size><ETag>{generation}</ETag>"
            "<LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
            for name in names
            if not any(name.startswith(folder) for folder in deeper)
            for data, generation in [self.bucket.objects[name]]
        ]
        entries += [
            f"<CommonPrefixes><Prefix>{escape(name[start:])}</Prefix></CommonPrefixes>" for name in deeper
        ]
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(entries)}</ListBucketResult>".encode()
        )

    def _send(self, status: int, data: bytes, generation: int = 0, **headers: str) -> None:
        self.send_response_only(status)
        if generation:
            headers |= {"ETag": f'"{generation}"', "x-goog-generation": str(generation), "Last-Modified": _TIME}
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass
