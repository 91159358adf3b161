"""A plain web server that serves some files, well or badly."""

import contextlib
import http.server
import re
from collections.abc import Iterator

from tests.servers.threads import serve


class Web:
    """Files of a web server and what it can do; both may change while it runs.

    Attributes:
      files: Bytes by path, such as "/a.png".
      statuses: Statuses other than 200 by path.
      redirects: Where a path leads, by path.
      has_head, has_ranges, has_lengths: Whether it answers HEAD, answers ranges, and tells lengths.
      requests: "METHOD path" of each request.
    """

    def __init__(self, files: dict[str, bytes]):
        self.files, self.statuses, self.redirects = files, dict[str, int](), dict[str, str]()
        self.has_head = self.has_ranges = self.has_lengths = True
        self.requests: list[str] = []


@contextlib.contextmanager
def serve_web(files: dict[str, bytes]) -> Iterator[tuple[str, Web]]:
    """Within the block, a web server that has some files; yields its URL and its settings."""
    web = Web(files)
    with serve(type("Handler", (_Handler,), {"web": web})) as url:
        yield url, web


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: Web

    def answer(self) -> None:
        self.web.requests.append(f"{self.command} {self.path}")
        if self.path in self.web.redirects:
            return self._send(302, b"", Location=self.web.redirects[self.path])
        if self.command == "HEAD" and not self.web.has_head:
            return self._send(405, b"")
        status = self.web.statuses.get(self.path, 200 if self.path in self.web.files else 404)
        data = self.web.files.get(self.path, b"an error page")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if status != 200 or not wanted or not self.web.has_ranges:
            return self._send(status, data)
        first, last = int(wanted[1]), int(wanted[2])
        if first >= len(data):
            return self._send(416, b"")
        part = data[first : last + 1]
        return self._send(206, part, **{"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(data)}"})

    do_GET = do_HEAD = answer

    def _send(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.web.has_lengths:
            self.send_header("Content-Length", str(len(data)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass
