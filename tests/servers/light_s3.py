"""An S3 server that reads one folder and answers late, fast enough to measure clients; a process of its own.

    python -m tests.servers.light_s3 FOLDER LATENCY_IN_SECONDS

It prints its URL. The key BUCKET/NAME is the file FOLDER/NAME. The key BUCKET/ANY/NAME is the same
file. It knows GET, HEAD, ranges and lists of up to 1,000 files, no signatures.
"""

import asyncio
import contextlib
import itertools
import os
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator

_WRITE_BYTES = 1 << 18
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
        self._is_full, self._waiting = False, iter(())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
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
            self._send("200 OK", self._list(urllib.parse.parse_qs(query)), method)
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

    def _list(self, query: dict[str, list[str]]) -> bytes:
        """All files as those of the folder that is asked for, or as many as are asked for."""
        prefix, most = query.get("prefix", [""])[0], int(query.get("max-keys", ["1000"])[0])
        files = "".join(
            f"<Contents><Key>{prefix}{name}</Key><Size>{len(data)}</Size><ETag>1</ETag>"
            "<LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
            for name, data in itertools.islice(self._files.items(), most)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{files}</ListBucketResult>".encode()

    def _send(self, status: str, data: bytes, method: bytes, extra: str = "") -> None:
        head = (
            f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\n{extra}"
            'ETag: "1"\r\nContent-Type: image/jpeg\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n'
        )
        parts = (
            data[k : k + _WRITE_BYTES] for k in range(0, 0 if method == b"HEAD" else len(data), _WRITE_BYTES)
        )
        self._waiting = itertools.chain([head.encode() + next(parts, b"")], parts)
        self._write()

    def _write(self) -> None:
        """Sends until the socket is full: a whole shard in asyncio's buffer is moved with every write."""
        while not self._is_full and (part := next(self._waiting, None)) is not None:
            self._transport.write(part)

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._write()


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
