"""Requests to name nodes, and to the data nodes that they name, with retries."""

import contextlib
import functools
import os
import urllib.parse
from typing import Any

from densenet_ocr.pipeline.packages import explain_missing
from densenet_ocr.pipeline.storage.hdfs.addresses import find_addresses, find_user, split_url
from densenet_ocr.pipeline.storage.hdfs.web_errors import RemoteError, explain, read_answer
from densenet_ocr.pipeline.storage.requests import RETRY_SECONDS, find_cause, persist, web_errors

# Data nodes send what they get to others before they answer.
_CONNECT_SECONDS, _READ_SECONDS, _WRITE_SECONDS = 5, 10, 60
_SMALL_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 18
# The methods of HTTP of the operations that do not only read.
_METHODS = {"CREATE": "PUT", "MKDIRS": "PUT", "RENAME": "PUT", "SETTIMES": "PUT", "DELETE": "DELETE"}


class Request:
    """A request, which is made again for RETRY_SECONDS while what fails may pass.

    Args:
      url: The hdfs:// URL.
      operation: Of WebHDFS, such as OPEN.
      path: The path in HDFS; that of the URL if it is empty.
      source: Bytes, or the path of a local file, that go to a data node; None for none.
      is_patient: Whether it is made again.
      **parameters: Of the operation.

    Attributes:
      was_repeated: Whether an earlier try may have had its effect.
    """

    def __init__(
        self,
        url: str,
        operation: str,
        *,
        path: str = "",
        source: bytes | str | None = None,
        is_patient: bool = True,
        **parameters: object,
    ):
        self.was_repeated = False
        self._method, self._source = _METHODS.get(operation, "GET"), source
        self._seconds = RETRY_SECONDS if is_patient else 0.0
        self._path = urllib.parse.quote(path or split_url(url)[1], safe="/")
        self._query = {"op": operation, "user.name": find_user(), **parameters}
        self._addresses, self._failed = find_addresses(url), list[str]()

    def send(self, *, stream: bool = False) -> Any:
        """Returns urllib3's answer, of status 200 or 201; its body is not read yet if `stream`.

        Raises:
          RemoteError: HDFS says no, or cannot answer, or no answer came.
        """
        return persist(lambda: self._try(stream), self._passes, self._seconds)

    def _passes(self, error: Exception) -> bool:
        """Whether an error may pass; then another name node is asked next."""
        if not isinstance(error, RemoteError) or not error.passes:
            return False
        self.was_repeated = True
        self._addresses.append(self._addresses.pop(0))
        return True

    def _try(self, stream: bool) -> Any:
        """Asks a name node, then the data node that it names."""
        node = self._addresses[0]
        query = self._query | ({"excludedatanodes": ",".join(self._failed)} if self._failed else {})
        address = f"{node}/webhdfs/v1{self._path}?{urllib.parse.urlencode(query)}"
        answer = _exchange(self._method, address, node)
        if answer.status != 307:
            return answer
        address = answer.headers["Location"]
        parts = urllib.parse.urlsplit(address)
        node = f"{parts.scheme}://{parts.netloc}"
        try:
            return _exchange(self._method, address, node, source=self._source, stream=stream)
        except RemoteError as error:
            if error.passes:
                self._failed.append(parts.netloc)
            raise


def call(url: str, operation: str, *, stream: bool = False, **parameters: Any) -> Any:
    """Returns the answer to a Request; raises UserError with the URL and the cause."""
    request = Request(url, operation, **parameters)
    try:
        return request.send(stream=stream)
    except RemoteError as error:
        raise explain(url, error) from None


def _exchange(
    method: str, address: str, node: str, *, source: bytes | str | None = None, stream: bool = False
) -> Any:
    """Makes one request; raises RemoteError for an answer that is an error, and for none."""
    try:
        answer = _send(method, address, source, stream)
    except web_errors().HTTPError as error:
        kind, cause = find_cause(error)
        raise RemoteError(kind, str(cause), node, passes=True) from None
    if answer.status < 400:
        return answer
    raise read_answer(answer.status, answer.data, answer.headers, node)


def _send(method: str, address: str, source: bytes | str | None, stream: bool) -> Any:
    import urllib3

    options: dict[str, Any] = {"redirect": False, "retries": False, "preload_content": not stream}
    if source is not None:
        count = os.path.getsize(source) if isinstance(source, str) else len(source)
        seconds = _WRITE_SECONDS if count > _SMALL_BYTES else _READ_SECONDS
        options["timeout"] = urllib3.Timeout(connect=_CONNECT_SECONDS, read=seconds)
        options["headers"] = {"Content-Type": "application/octet-stream", "Content-Length": str(count)}
    with open(source, "rb") if isinstance(source, str) else contextlib.nullcontext(source) as body:
        return _open_pool().request(method, address, body=body, **options)


@functools.cache
def _open_pool() -> Any:
    """Connections. A cluster is in this network, so http_proxy does not count."""
    with explain_missing():
        import urllib3
    timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
    return urllib3.PoolManager(num_pools=64, maxsize=64, timeout=timeout, blocksize=_BLOCK_BYTES)


os.register_at_fork(after_in_child=_open_pool.cache_clear)
