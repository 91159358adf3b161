"""Files in S3, Google Cloud Storage, Azure and stores with the same interfaces, by obstore."""

import contextlib
import functools
import mmap
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.errors import MissingFile, NoConditionalPuts
from densenet_ocr.pipeline.storage.objects.store_errors import explain
from densenet_ocr.pipeline.storage.objects.store_settings import open_store
from densenet_ocr.pipeline.storage.paths import scheme_of, temporary_path
from densenet_ocr.pipeline.storage.requests import RETRY_SECONDS, persist

# Up to this size a file goes out in one request, which leaves nothing behind if the writer dies.
ONE_PUT_BYTES = 256 << 20
# Larger files go in parts; S3 takes 10,000 of them.
_PART_BYTES, _MOST_PARTS = 16 << 20, 10_000
_SMALL_PUT_BYTES = 1 << 20
_MOST_DELETED = 1000  # files that one request may name
_BROKEN = re.compile("request or response body error|error sending request")

_Answer = TypeVar("_Answer")


class ObjectStore:
    """Object stores as a file system; see FileSystem. A folder is there while there are files in it."""

    def read_bytes(self, url: str) -> bytes:
        """See FileReader."""
        with _opened(url) as (store, key):
            return _complete(store.get, key).bytes().to_bytes()

    def read_range(self, url: str, start: int, length: int) -> bytes:
        """See FileReader."""
        with _opened(url) as (store, key):
            return _complete(store.get_range, key, start=start, length=length).to_bytes()

    def download(self, url: str, path: str) -> None:
        """See FileReader."""
        with _opened(url) as (store, key), open(path, "wb") as file:
            for chunk in _complete(store.get, key):
                file.write(chunk)

    def size(self, url: str) -> int:
        """See FileReader."""
        return _head(url)["size"]

    def version(self, url: str) -> str | None:
        """See FileReader."""
        found = _head(url)
        return f"{found['e_tag']} {found['version']} {found['size']} {found['last_modified']}"

    def put(self, url: str, source: bytes | str) -> None:
        """See FileSystem."""
        count = os.path.getsize(source) if isinstance(source, str) else len(source)
        with _opened(url, uploads=count > _SMALL_PUT_BYTES) as (store, key):
            if isinstance(source, bytes) or count == 0:  # an empty file cannot be mapped
                store.put(key, source if count else b"", use_multipart=False)
                return
            with open(source, "rb") as file:
                if count > ONE_PUT_BYTES:
                    part = max(_PART_BYTES, -(-count // _MOST_PARTS))
                    store.put(key, file, use_multipart=True, chunk_size=part)
                    return
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    store.put(key, data, use_multipart=False)

    def make_folder(self, url: str) -> None:
        """See FileSystem; there is nothing to make."""

    def exists(self, url: str) -> bool:
        """See FileReader."""
        try:
            return bool(_find(url, is_file=False)[1] and _head(url, ask_why="30[17]|40[03]")) or self.is_folder(
                url
            )
        except MissingFile:
            return self.is_folder(url)

    def is_folder(self, url: str) -> bool:
        """See FileReader."""
        with _opened(url, is_file=False) as (store, key):
            return _complete(lambda: any(len(chunk) for chunk in store.list(key or None, chunk_size=1)))

    def list_names(self, url: str) -> list[str]:
        """See FileSystem."""
        with _opened(url, is_file=False) as (store, key):
            found = _complete(store.list_with_delimiter, key or None)
        paths = [item["path"] for item in found["objects"]] + list(found["common_prefixes"])
        # Consoles make a file KEY/ for an empty folder, which obstore lists as KEY.
        return sorted({path.rpartition("/")[2] for path in paths if path != key})

    def list_versions(self, url: str) -> dict[str, tuple[int, str]]:
        """See FileSystem."""
        with _opened(url, is_file=False) as (store, key):
            chunks = _complete(lambda: list(store.list(key or None, chunk_size=1000)))
        start = len(key) + 1 if key else 0
        found = {item["path"]: item for chunk in chunks for item in chunk}
        folders = {path.rpartition("/")[0] for path in found}
        return {
            path[start:]: (item["size"], item["e_tag"] or str(item["last_modified"]))
            for path, item in sorted(found.items())
            if path != key and path not in folders
        }

    def remove(self, url: str) -> None:
        """See FileSystem."""
        with _opened(url, is_file=False) as (store, key):
            keys = [f"{key}/{name}" if key else name for name in self.list_versions(url)]
            _delete(store, [*keys, *[key] * bool(key)])

    def remove_files(self, urls: list[str]) -> None:
        """See FileSystem."""
        with _opened(urls[0]) as (store, _):
            _delete(store, [_find(url)[1] for url in urls])

    def check_writable(self, url: str) -> None:
        """See FileSystem."""
        with _explained(url):
            store, key = _find(temporary_path(url), is_file=False)
            store.put(key, b"", use_multipart=False)
            _delete(store, [key])

    def put_if(self, url: str, data: bytes, *, version: str | None) -> str:
        """See FileSystem."""
        import obstore.exceptions as errors

        name = _name_condition(url)
        mode = "create" if version is None else {name: version}
        with _opened(url) as (store, key):
            try:
                return _complete(store.put, key, data, mode=mode, use_multipart=False)[name] or ""
            except (errors.AlreadyExistsError, errors.PreconditionError, FileNotFoundError) as error:
                if isinstance(error, FileNotFoundError) and version is None:
                    raise
                raise FileExistsError(url) from None
            except errors.NotSupportedError:
                raise NoConditionalPuts(url) from None

    def renew(self, url: str, data: bytes, *, version: str) -> str:
        """See FileSystem."""
        return self.put_if(url, data, version=version)

    def read_version(self, url: str) -> tuple[bytes, str]:
        """See FileSystem."""
        with _opened(url) as (store, key):
            result = _complete(store.get, key)
            return result.bytes().to_bytes(), result.meta[_name_condition(url)] or ""


def _complete(ask: Callable[..., _Answer], *arguments: Any, **options: Any) -> _Answer:
    """Asks again while a connection breaks; obstore 0.12 does not for lists, removals and conditional puts."""
    return persist(
        functools.partial(ask, *arguments, **options), lambda error: _BROKEN.search(str(error)), RETRY_SECONDS
    )


def _delete(store: Any, keys: list[str]) -> None:
    for start in range(0, len(keys), _MOST_DELETED):
        # S3 takes the removal of a missing file for done; Azure and Google do not, and stop at it.
        try:
            _complete(store.delete, keys[start : start + _MOST_DELETED])
        except FileNotFoundError:
            for key in keys[start : start + _MOST_DELETED]:
                with contextlib.suppress(FileNotFoundError):
                    _complete(store.delete, key)


def _name_condition(url: str) -> str:
    """What conditional puts compare: Google takes the generation, the others the ETag."""
    return "version" if scheme_of(url) == "gs" else "e_tag"


def _find(url: str, *, is_file: bool = True, uploads: bool = False) -> tuple[Any, str]:
    """Returns the store and the key of a URL; "" for that of a bucket, which is none of a file."""
    start, rest = url.split("://", 1)
    bucket, _, key = rest.partition("/")
    store, key = _open_cached(f"{start.lower()}://{bucket}", uploads), key.rstrip("/")
    if is_file and not key:
        raise UserError(
            f"file {url}", received="a bucket", expected="a file in a bucket", remedy="Name the file after it."
        )
    return store, key


@functools.cache
def _open_cached(bucket: str, uploads: bool) -> Any:
    if _forked:
        raise UserError(
            f"file in {bucket}",
            received="a process that was forked from one that had opened URLs",
            expected="a process that was started anew, because the threads of obstore end with a fork",
            remedy="Start processes by multiprocessing's spawn or forkserver.",
        )
    return open_store(bucket, uploads=uploads)


_forked = False


def _note_fork() -> None:
    """A request would wait for ever in a child of a process that has made one."""
    global _forked
    _forked = _forked or _open_cached.cache_info().currsize > 0
    _open_cached.cache_clear()


os.register_at_fork(after_in_child=_note_fork)


def _head(url: str, ask_why: str = "30[17]|40[034]") -> Any:
    """Returns the metadata of a file; after these statuses it asks for one byte, whose answer says why."""
    with _opened(url) as (store, key):
        try:
            return store.head(key)
        except Exception as error:
            if re.search(f"status code: ({ask_why})", str(error)):
                # Unlike this, an answer to HEAD has no body.
                _complete(store.get_range, key, start=0, length=1)
            raise


@contextlib.contextmanager
def _opened(url: str, **options: bool) -> Iterator[tuple[Any, str]]:
    """Yields what `_find` returns; raises what `_explained` does."""
    with _explained(url):
        yield _find(url, **options)


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    """Raises UserError in place of the errors of obstore."""
    try:
        yield
    except (UserError, FileExistsError, NoConditionalPuts):
        raise
    except Exception as error:
        if _is_of_obstore(error):
            raise explain(url, error) from None
        raise


def _is_of_obstore(error: Exception) -> bool:
    import obstore.exceptions

    if isinstance(error, OSError):
        return not error.errno  # else it is one of a local file
    return isinstance(error, obstore.exceptions.BaseError | ValueError)
