"""Files on web servers, to read, by urllib3."""

import contextlib
import functools
import os
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.packages import explain_missing
from densenet_ocr.pipeline.storage.errors import MissingFile, NoPermission
from densenet_ocr.pipeline.storage.objects.store_settings import RETRY_SECONDS
from densenet_ocr.pipeline.storage.paths import scheme_of

_RETRIED = (429, 500, 502, 503, 504)
_CHUNK_BYTES = 1 << 20
_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")


class HttpFiles:
    """Files on web servers, which can be read, but neither listed nor written; see FileSystem."""

    def read_bytes(self, url: str) -> bytes:
        """See FileSystem."""
        return _request("GET", url).data

    def read_range(self, url: str, start: int, length: int) -> bytes:
        """See FileSystem."""
        answer = _request("GET", url, {"Range": f"bytes={start}-{start + length - 1}"}, also=(416,))
        if answer.status == 416:
            return b""
        # A server without ranges sends the whole file.
        return answer.data if answer.status == 206 else answer.data[start : start + length]

    def download(self, url: str, path: str) -> None:
        """See FileSystem."""
        with _explained(url), open(path, "wb") as file:
            for last in (False, False, True):  # a file that is cut short is read again
                file.seek(0)
                try:
                    self._copy(url, file)
                    file.truncate()
                    return
                except _errors().HTTPError:
                    if last:
                        raise

    def _copy(self, url: str, file: Any) -> None:
        answer = _request("GET", url, preload_content=False)
        try:
            for chunk in answer.stream(_CHUNK_BYTES):
                file.write(chunk)
        finally:
            answer.close()

    def size(self, url: str) -> int:
        """See FileSystem."""
        count = _describe(url)["size"]
        return count if count is not None else len(self.read_bytes(url))

    def version(self, url: str) -> str | None:
        """See FileSystem."""
        found = _describe(url)
        if not found["etag"] and not found["modified"]:
            return None
        return f"{found['etag']} {found['size']} {found['modified']}"

    def exists(self, url: str) -> bool:
        """See FileSystem."""
        try:
            return bool(_describe(url))
        except MissingFile:
            return False

    def is_folder(self, url: str) -> bool:
        """See FileSystem; a web server has no folders."""
        return False

    def list_names(self, url: str) -> list[str]:
        """See FileSystem."""
        _refuse(url, "list")

    def list_files(self, url: str) -> list[str]:
        """See FileSystem."""
        _refuse(url, "list")

    def list_versions(self, url: str) -> dict[str, tuple[int, str]]:
        """See FileSystem."""
        _refuse(url, "list")

    def find(self, pattern: str, folder: str = "") -> list[str]:
        """See FileSystem."""
        _refuse(folder or pattern, "list")

    def upload(self, path: str, url: str) -> None:
        """See FileSystem."""
        _refuse(url, "write")

    def write_bytes(self, url: str, data: bytes) -> None:
        """See FileSystem."""
        _refuse(url, "write")

    def make_folder(self, url: str) -> None:
        """See FileSystem."""
        _refuse(url, "write")

    def remove(self, url: str) -> None:
        """See FileSystem."""
        _refuse(url, "remove")

    def remove_files(self, urls: list[str]) -> None:
        """See FileSystem."""
        _refuse(urls[0], "remove")

    def check_writable(self, url: str) -> None:
        """See FileSystem."""
        _refuse(url, "write")

    def put_if(self, url: str, data: bytes, *, version: str | None) -> str:
        """See FileSystem."""
        _refuse(url, "write")

    def renew(self, url: str, data: bytes, *, version: str) -> str:
        """See FileSystem."""
        _refuse(url, "write")

    def read_version(self, url: str) -> tuple[bytes, str]:
        """See FileSystem."""
        _refuse(url, "lock")


def _refuse(url: str, verb: str) -> NoReturn:
    raise UserError(
        f"URL {url}",
        received=f"a web server, of which nobody can {verb} files",
        expected="a folder of this machine or of a bucket",
        remedy="http:// and https:// are for single files to read.",
    )


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
    headers = {"Accept-Encoding": "identity", **(headers or {})}
    with _explained(url):
        answer = _ask(lambda: _open_pool(scheme_of(url)).request(method, url, headers=headers, **options))
    if answer.status in (200, 206, *also):
        return answer
    answer.close()
    received = f"status {answer.status}{f' {answer.reason}' if answer.reason else ''}"
    if answer.status in (404, 410):
        raise MissingFile(
            f"file {url}",
            received=f"no such file ({received})",
            expected="a file that exists",
            remedy="Check the URL.",
        )
    if answer.status in (401, 403):
        raise NoPermission(
            f"file {url}",
            received=f"no permission ({received})",
            expected="a file that may be read",
            remedy="Check the URL; a signed one may have expired.",
        )
    raise UserError(
        f"file {url}",
        received=f"{received}{', also after retries' if answer.status in _RETRIED else ''}",
        expected="the file",
        remedy="Check the URL, or try again later.",
    )


def _ask(request: Callable[[], Any]) -> Any:
    """Makes a request again, after growing pauses, while the server is busy or the connection breaks."""
    end, pause = time.monotonic() + RETRY_SECONDS, 0.1
    while True:
        try:
            answer = request()
            if answer.status not in _RETRIED or time.monotonic() + pause > end:
                return answer
            answer.close()
        except _errors().HTTPError:
            if time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 3.0)


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


def _errors() -> Any:
    with explain_missing():
        import urllib3.exceptions
    return urllib3.exceptions


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    """Raises UserError in place of the errors of urllib3."""
    errors = _errors()
    try:
        yield
    except errors.HTTPError as error:
        reason = error.reason if isinstance(error, errors.MaxRetryError) and error.reason else error
        kinds = (
            (errors.NameResolutionError, "no such host"),
            (errors.NewConnectionError, "a connection that was refused"),
            (errors.TimeoutError, "no answer in time"),
            (errors.SSLError, "a certificate that is not valid"),
            (errors.ProtocolError, "a connection that broke"),
        )
        received = next((text for kind, text in kinds if isinstance(reason, kind)), "no answer")
        raise UserError(
            f"file {url}",
            received=f"{received}, also after retries ({reason})",
            expected="a server that answers",
            remedy="Check the URL and the network.",
        ) from None
