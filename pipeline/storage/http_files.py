"""Files on web servers, to read, by urllib3."""

import contextlib
import functools
import os
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.packages import explain_missing
from densenet_ocr.pipeline.storage.errors import Kind, MissingFile, NoPermission
from densenet_ocr.pipeline.storage.paths import scheme_of
from densenet_ocr.pipeline.storage.requests import RETRY_SECONDS, find_cause, persist, save_body, web_errors

_RETRIED = (429, 500, 502, 503, 504)
_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")

_GONE = Kind("no such file", "a file that exists", "Check the URL.", MissingFile)
_DENIED = Kind(
    "no permission",
    "a file that may be read",
    "Check the URL; a signed one may have expired.",
    NoPermission,
)
_REFUSALS = {401: _DENIED, 403: _DENIED, 404: _GONE, 410: _GONE}
_CAUSES = {
    "NameResolutionError": "no such host",
    "NewConnectionError": "a connection that was refused",
    "TimeoutError": "no answer in time",
    "SSLError": "a certificate that is not valid",
    "ProtocolError": "a connection that broke",
}


class _Busy(UserError):
    """A server that may answer later."""


class HttpFiles:
    """Files on web servers, which can be read, but neither listed nor written; see FileReader."""

    def read_bytes(self, url: str) -> bytes:
        """See FileReader."""
        return _request("GET", url).data

    def read_range(self, url: str, start: int, length: int) -> bytes:
        """See FileReader."""
        answer = _request("GET", url, {"Range": f"bytes={start}-{start + length - 1}"}, also=(416,))
        if answer.status == 416:
            return b""
        # A server without ranges sends the whole file.
        return answer.data if answer.status == 206 else answer.data[start : start + length]

    def download(self, url: str, path: str) -> None:
        """See FileReader."""
        with _explained(url):
            save_body(lambda: _request("GET", url, preload_content=False), path)

    def size(self, url: str) -> int:
        """See FileReader."""
        count = _describe(url)["size"]
        return count if count is not None else len(self.read_bytes(url))

    def version(self, url: str) -> str | None:
        """See FileReader."""
        found = _describe(url)
        if not found["etag"] and not found["modified"]:
            return None
        return f"{found['etag']} {found['size']} {found['modified']}"

    def exists(self, url: str) -> bool:
        """See FileReader."""
        try:
            return bool(_describe(url))
        except MissingFile:
            return False

    def is_folder(self, url: str) -> bool:
        """See FileReader; a web server has no folders."""
        return False


def _describe(url: str) -> dict[str, Any]:
    """Size, ETag and time of a file, by HEAD, or by a GET of one byte where the server has no HEAD."""
    answer = _request("HEAD", url, also=(400, 403, 405, 501))
    total = answer.headers.get("Content-Length")
    if answer.status >= 400:
        answer = _request("GET", url, {"Range": "bytes=0-0"}, preload_content=False)
        answer.close()
        match = _TOTAL.match(answer.headers.get("Content-Range", ""))
        total = match[1] if match else answer.headers.get("Content-Length") if answer.status == 200 else None
    encoded = answer.headers.get("Content-Encoding", "identity") != "identity"
    return {
        "size": int(total) if total and not encoded else None,
        "etag": answer.headers.get("ETag"),
        "modified": answer.headers.get("Last-Modified"),
    }


def _request(
    method: str, url: str, headers: dict[str, str] | None = None, also: tuple[int, ...] = (), **options: Any
) -> Any:
    """Returns an answer of status 200, 206 or one in `also`."""
    options["headers"] = {"Accept-Encoding": "identity", **(headers or {})}

    def ask() -> Any:
        answer = _open_pool(scheme_of(url)).request(method, url, **options)
        if answer.status in (200, 206, *also):
            return answer
        answer.close()
        raise _refuse(url, answer)

    with _explained(url):
        passing = (web_errors().HTTPError, _Busy)
        return persist(ask, lambda error: isinstance(error, passing), RETRY_SECONDS)


def _refuse(url: str, answer: Any) -> UserError:
    status = f"status {answer.status}{f' {answer.reason}' if answer.reason else ''}"
    if answer.status in _REFUSALS:
        return _REFUSALS[answer.status].explain(url, status)
    is_busy = answer.status in _RETRIED
    kind = Kind("{status}", "the file", "Check the URL, or try again later.", _Busy if is_busy else UserError)
    return kind.explain(url, repeated=is_busy, status=status)


@functools.cache
def _open_pool(scheme: str) -> Any:
    """Connections, by way of the proxy that http_proxy and https_proxy name."""
    with explain_missing():
        import urllib3
    options: dict[str, Any] = {
        "retries": urllib3.Retry(None, connect=0, read=0, status=0, other=0, redirect=10),
        "timeout": urllib3.Timeout(connect=5, read=10),
        "maxsize": 64,
        "num_pools": 32,
    }
    proxy = urllib.request.getproxies().get(scheme)
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


os.register_at_fork(after_in_child=_open_pool.cache_clear)


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    """Raises UserError in place of the errors of urllib3."""
    try:
        yield
    except web_errors().HTTPError as error:
        kind, cause = find_cause(error)
        received = _CAUSES.get(kind, "no answer")
        explained = Kind(received, "a server that answers", "Check the URL and the network.")
        raise explained.explain(url, str(cause), repeated=True) from None
