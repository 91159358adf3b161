"""Copies of files and folders between URLs and local disks."""

import contextlib
import fcntl
import functools
import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage import local_files
from densenet_ocr.pipeline.storage.file_system import find_system
from densenet_ocr.pipeline.storage.many import map_many
from densenet_ocr.pipeline.storage.paths import TEMPORARY, is_url, join
from densenet_ocr.pipeline.ui.progress import Progress

_AT_ONCE = 16
_MOST_CACHE_BYTES = 20 * 10**9
_LOCK = ".lock"
_KEPT = contextlib.ExitStack()


@contextlib.contextmanager
def local_copy(path: str) -> Iterator[str]:
    """Within the block, a local path that has the bytes of a file: the path itself, or a copy of a URL.

    A URL is downloaded once for each version of its file, also where several processes ask for it, into
    $XDG_CACHE_HOME/densenet-ocr/files. The copies that were not used for the longest time are removed when all
    together take more than 20 GB.

    Raises:
      UserError: the URL cannot be read, or the copy cannot be written.
    """
    if not is_url(path):
        yield path
        return
    folder = find_cache_folder()
    local_files.make_folder(folder)
    entry = os.path.join(folder, _name_entry(path))
    with _shared_lock(entry, lambda: _download(path, entry)):
        os.utime(entry)
        _remove_old_entries(folder)
        yield entry


@functools.cache
def kept_copy(path: str) -> str:
    """Returns a path as `local_copy` does, of a file that stays there until this process ends."""
    return _KEPT.enter_context(local_copy(path))


def find_cache_folder() -> str:
    """Returns the folder of local copies; the XDG Base Directory Specification ignores relative paths."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    base = base if os.path.isabs(base) else os.path.expanduser("~/.cache")
    return os.path.join(base, "densenet-ocr", "files")


def download_folder(url: str, folder: str) -> list[str]:
    """Copies all files of a folder of a bucket into a local folder, many at once.

    Args:
      url: The folder in the bucket.
      folder: The local folder, which is made if it is missing; other files in it stay.

    Returns:
      The names of the files, relative to the folder, sorted.
    """
    names = find_system(url).list_files(url)
    for place in sorted({os.path.dirname(os.path.join(folder, name)) for name in names} | {folder}):
        local_files.make_folder(place)
    _work(f"downloading {url}", lambda name: _download(join(url, name), os.path.join(folder, name)), names)
    return names


def upload_folder(
    folder: str, url: str, *, names: Iterable[str] | None = None, last: Iterable[str] = ()
) -> list[str]:
    """Copies the files of a local folder into a folder of a bucket, many at once.

    Args:
      folder: The local folder.
      url: The folder in the bucket; other files in it stay.
      names: The files, relative to the folder; all of them if None. Temporary files never go along.
      last: Files that are put after all others, in this order: readers who find them find the others too.

    Returns:
      The names of the files, relative to the folder, in the order in which they were put.
    """
    last = list(last)
    found = _list_files(folder) if names is None else sorted(names)
    first = [name for name in found if name not in last and TEMPORARY not in name]
    final = [name for name in last if name in found]
    put = find_system(url).upload
    _work(f"uploading {url}", lambda name: put(os.path.join(folder, name), join(url, name)), first)
    for name in final:
        put(os.path.join(folder, name), join(url, name))
    return first + final


def _work(title: str, function: Callable[[str], None], names: list[str]) -> None:
    """Calls a function for each name, many at once; shows progress after two seconds."""
    progress, start = Progress(title, len(names), "files", every_seconds=10.0), time.monotonic()
    for done, _ in enumerate(map_many(function, names, _AT_ONCE), start=1):
        if time.monotonic() - start > 2:
            progress.show(done)


def _list_files(folder: str) -> list[str]:
    found = []
    for place, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(place, name), folder) for name in names]
    return sorted(found)


def _download(url: str, path: str) -> None:
    temporary = f"{path}{TEMPORARY}{uuid.uuid4().hex[:8]}"
    try:
        find_system(url).download(url, temporary)
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        if isinstance(error, OSError) and not isinstance(error, UserError):
            raise UserError(
                f"copy of {url} in {os.path.dirname(path)}",
                received=error.strerror or str(error),
                expected="a folder with space",
                remedy="Free space, or set XDG_CACHE_HOME to a folder of another disk.",
            ) from None
        raise


def _name_entry(url: str) -> str:
    """A name by URL and version; it ends as the URL does, because readers go by the extension."""
    version = find_system(url).version(url) or uuid.uuid4().hex
    digest = hashlib.sha256(f"{url}\n{version}".encode()).hexdigest()[:32]
    end = url.partition("?")[0].rstrip("/").rpartition("/")[2]
    return f"{digest}-{''.join(c if c.isalnum() or c in '._-' else '_' for c in end)[-80:]}"


@contextlib.contextmanager
def _shared_lock(entry: str, make: Callable[[], None]) -> Iterator[None]:
    """Keeps an entry from being removed within the block; one process makes it if it is missing."""
    while True:
        with _open_lock(entry) as handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
            if os.path.exists(entry):
                yield
                return
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not os.path.exists(entry):
                make()


@contextlib.contextmanager
def _open_lock(entry: str) -> Iterator[int]:
    handle = os.open(f"{entry}{_LOCK}", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _remove_old_entries(folder: str) -> None:
    """Removes the copies that were not used for the longest time, except those that a process uses now."""
    with contextlib.suppress(OSError):  # another process may do the same
        paths = [os.path.join(folder, name) for name in os.listdir(folder) if not name.endswith(_LOCK)]
        total = sum(map(os.path.getsize, paths))
        for path in sorted(paths, key=os.path.getmtime):
            if total <= _MOST_CACHE_BYTES:
                break
            with contextlib.suppress(BlockingIOError), _open_lock(path) as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                total -= os.path.getsize(path)
                os.remove(path)
