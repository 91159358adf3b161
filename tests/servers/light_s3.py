"""An S3 server that reads one folder and answers late, fast enough to measure clients; a process of its own.

    python -m tests.servers.light_s3 FOLDER LATENCY_IN_SECONDS

It prints its URL. The key BUCKET/NAME is the file FOLDER/NAME. It knows GET, HEAD and ranges, no
signatures, and lists one file whatever is asked for.
"""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator

# Any folder is there: it has a file.
_LISTING = (
    b"<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>images/file</Key>"
    b"<LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>1</ETag><Size>1</Size></Contents></ListBucketResult>"
)
_RANGE = re.compile(rb"\r\nrange: bytes=(\d+)-(\d*)", re.IGNORECASE)


@contextlib.contextmanager
def serve_folder(folder: str, latency: float) -> Iterator[str]:
    """Within the block, a server of a folder in a process of its own; yields its URL."""
    words = [sys.executable, "-m", __name__, folder, str(latency)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class _Connection(asyncio.Protocol):
    def __init__(self, files: dict[str, bytes], latency: float):
        self._files, self._latency, self._buffer = files, latency, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            request, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            asyncio.get_running_loop().call_later(self._latency, self._answer, request)

    def _answer(self, request: bytes) -> None:
        method, target, _ = request.split(b" ", 2)
        name, _, query = target.decode().partition("?")
        if "list-type" in query:
            self._send("200 OK", _LISTING, method)
            return
        path = urllib.parse.unquote(name).lstrip("/")
        data = self._files.get(path.rpartition("/")[2])
        if data is None:
            self._send("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>", method)
        elif match := _RANGE.search(request):
            first = int(match[1])
            part = data[first : int(match[2]) + 1 if match[2] else len(data)]
            extra = f"Content-Range: bytes {first}-{first + len(part) - 1}/{len(data)}\r\n"
            self._send("206 Partial Content", part, method, extra)
        else:
            self._send("200 OK", data, method)

    def _send(self, status: str, data: bytes, method: bytes, extra: str = "") -> None:
        head = (
            f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\n{extra}"
            'ETag: "1"\r\nContent-Type: image/jpeg\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n'
        )
        self._transport.write(head.encode() + (b"" if method == b"HEAD" else data))  # type: ignore[attr-defined]


async def _serve(folder: str, latency: float) -> None:
    files = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = file.read()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(files, latency), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2])))
