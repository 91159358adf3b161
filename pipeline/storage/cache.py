"""The cache of this machine: local copies of URLs by version, which all processes share."""

import contextlib
import fcntl
import functools
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator

from absl import logging

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage import local_files
from densenet_ocr.pipeline.storage.copies import download_file, download_folder
from densenet_ocr.pipeline.storage.file_system import find_reader
from densenet_ocr.pipeline.storage.locks import flocked
from densenet_ocr.pipeline.storage.many import map_many
from densenet_ocr.pipeline.storage.paths import is_url, join

_AT_ONCE = 16
_MOST_CACHE_BYTES = 20 * 10**9
_LOCK = ".lock"
_TRIES = 3  # a file that changes while it is copied is copied again
_KEPT = contextlib.ExitStack()


def local_copy(path: str) -> contextlib.AbstractContextManager[str]:
    """Within the block, a local path that has the bytes of a file: the path itself, or a copy of a URL.

    A URL is downloaded once for each version of its file, also where several processes ask for it, into
    $XDG_CACHE_HOME/densenet-ocr/files. The copies that were not used for the longest time are removed when all
    together take more than 20 GB.

    Raises:
      UserError: the URL cannot be read, or the copy cannot be written.
    """
    return _cached(path, None)


def local_folder(folder: str, names: Iterable[str]) -> contextlib.AbstractContextManager[str]:
    """Within the block, a local folder that has files of a folder: the folder itself, or a copy of a URL.

    A copy has one version of all files together. It is kept as those of `local_copy` are.

    Args:
      folder: The folder; it may be one of a web server, as its files are not listed.
      names: The files, relative to it.

    Raises:
      UserError: a file cannot be read, or the copy cannot be written.
    """
    return _cached(folder, list(names))


@functools.cache
def kept_copy(path: str) -> str:
    """Returns a path as `local_copy` does, of a file that stays there until this process ends."""
    return _KEPT.enter_context(local_copy(path))


def find_cache_folder(kind: str = "files") -> str:
    """Returns the folder of a kind of entries, by default of local copies.

    The XDG Base Directory Specification ignores relative paths.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    base = base if os.path.isabs(base) else os.path.expanduser("~/.cache")
    return os.path.join(base, "densenet-ocr", kind)


class _Changed(Exception):
    """A file has changed while it was copied."""


@contextlib.contextmanager
def _cached(url: str, names: list[str] | None) -> Iterator[str]:
    """Within the block, the path of the copy of a file's or some files' present versions; a local path itself.

    Args:
      url: The file, or the folder of the files.
      names: The files, relative to the folder; None for a file.
    """
    if not is_url(url):
        yield url
        return
    folder = find_cache_folder()
    local_files.make_folder(folder)
    for _ in range(_TRIES):
        with contextlib.suppress(_Changed), _hold_entry(folder, url, names) as entry:
            os.utime(entry)
            _remove_old_entries(folder)
            yield entry
            return
    raise UserError(
        f"copy of {url}",
        received=f"files that changed while they were read, {_TRIES} times",
        expected="files that stay as they are for so long",
        remedy="Run the command again when nothing writes there.",
    )


@contextlib.contextmanager
def _hold_entry(folder: str, url: str, names: list[str] | None) -> Iterator[str]:
    """Keeps an entry from being removed within the block; one process makes it if it is missing."""
    files = [url] if names is None else [join(url, name) for name in names]
    versions = _find_versions(files)
    known = [version or uuid.uuid4().hex for version in versions]
    digest = hashlib.sha256("\n".join([url, *known]).encode()).hexdigest()[:32]
    # The name ends as the URL does, because readers go by the extension.
    end = url.partition("?")[0].rstrip("/").rpartition("/")[2]
    name = "".join(c if c.isalnum() or c in "._-" else "_" for c in end)[-80:]
    entry = os.path.join(folder, f"{digest}-{name}")
    while True:
        with flocked(f"{entry}{_LOCK}", fcntl.LOCK_SH) as handle:
            if os.path.exists(entry):
                yield entry
                return
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not os.path.exists(entry):
                logging.info("fetching %s", url)
                if names is None:
                    download_file(url, entry)
                else:
                    with local_files.replacing(entry) as temporary:
                        download_folder(url, temporary, names=names)
                if None not in versions and _find_versions(files) != versions:
                    local_files.remove(entry)
                    raise _Changed


def _find_versions(files: list[str]) -> list[str | None]:
    return list(map_many(lambda file: find_reader(file).version(file), files, _AT_ONCE))


def _remove_old_entries(folder: str) -> None:
    """Removes the copies that were not used for the longest time, except those that a process uses now."""
    with contextlib.suppress(OSError):  # another process may do the same
        paths = [os.path.join(folder, name) for name in os.listdir(folder) if not name.endswith(_LOCK)]
        sizes = {path: _count_bytes(path) for path in paths}
        total = sum(sizes.values())
        for path in sorted(paths, key=os.path.getmtime):
            if total <= _MOST_CACHE_BYTES:
                break
            lock = flocked(f"{path}{_LOCK}", fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(BlockingIOError), lock:
                total -= sizes[path]
                local_files.remove(path)


def _count_bytes(path: str) -> int:
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(_count_bytes(entry.path) for entry in os.scandir(path))
