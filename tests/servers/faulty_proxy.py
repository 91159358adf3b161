"""An HTTP proxy that fails a share of the requests on purpose, and answers late."""

import contextlib
import http.client
import http.server
import random
import socket
import struct
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.servers.threads import serve

# A status, with or without the code of an error; reset: the connection breaks before an answer; cut: after half
# of the body.
FAULTS = ("503", "429", "500", "reset", "cut")


class FaultyProxy:
    """Settings and counts of a proxy; they may change while it runs.

    Attributes:
      share: The share of requests that fail.
      faults: The kinds of failures, of which each failing request gets one.
      latency: Seconds before each answer.
      requests: How many requests came, by method.
      failed: How many of them failed, by kind.
    """

    def __init__(self, target: str, share: float, faults: Sequence[str], latency: float, seed: int):
        self.target, self.share, self.faults, self.latency = target, share, faults, latency
        self.requests: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._random, self._lock = random.Random(seed), threading.Lock()

    def draw_fault(self, method: str) -> str:
        """Returns the kind of failure of the next request; "" for none."""
        with self._lock:
            self.requests[method] += 1
            fault = self._random.choice(self.faults) if self._random.random() < self.share else ""
            if fault:
                self.failed[fault] += 1
            return fault


@contextlib.contextmanager
def serve_faults(
    target: str, *, share: float = 0.02, faults: Sequence[str] = FAULTS, latency: float = 0.0, seed: int = 0
) -> Iterator[tuple[str, FaultyProxy]]:
    """Within the block, a proxy before the server at the URL `target`; yields its URL and its settings."""
    proxy = FaultyProxy(target, share, faults, latency, seed)
    with serve(type("Handler", (_Handler,), {"proxy": proxy})) as url:
        yield url, proxy


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: FaultyProxy
    upstream: http.client.HTTPConnection | None = None

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.draw_fault(self.command)
        time.sleep(self.proxy.latency)
        if fault == "reset":
            self._reset()
        elif fault in ("", "cut"):
            self._forward(body, cut=fault == "cut")
        else:
            status, _, code = fault.partition(" ")
            data = (
                f"<Error><Code>{code or 'SlowDown'}</Code><Message>Said by the test.</Message></Error>".encode()
            )
            self._send(int(status), [], data if self.command != "HEAD" else b"")

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

    def _forward(self, body: bytes, cut: bool) -> None:
        if self.upstream is None:
            self.upstream = http.client.HTTPConnection(
                urllib.parse.urlsplit(self.proxy.target).netloc, timeout=30
            )
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        self.upstream.request(self.command, self.path, body, headers)
        answer = self.upstream.getresponse()
        self._send(answer.status, answer.getheaders(), answer.read(), cut=cut)

    def _send(self, status: int, headers: list[tuple[str, str]], data: bytes, cut: bool = False) -> None:
        self.send_response_only(status)
        length = str(len(data))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self._reset()

    def _reset(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        if self.upstream is not None:
            self.upstream.close()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, ValueError, http.client.HTTPException):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass
