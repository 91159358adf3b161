"""Local copies of shards behind URLs: temporary ones, or a cache that stays. Needs no TensorFlow.

A copy is checked by the size and the CRC-32C that dataset.json has, so neither a body cut short nor a file that
was changed is read as records.
"""

import contextlib
import fcntl
import os
import uuid
import weakref
from collections.abc import Iterator

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import ShardInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.tfrecord.records import hash_file

_TRIES = 3  # a copy with a wrong checksum is fetched again


class TemporaryCopies:
    """Copies that are removed once they were read, in a folder of this process below the cache folder.

    The folder goes when this object does. Those of processes that were killed go when the next one starts.
    """

    def __init__(self) -> None:
        parent = storage.join(os.path.dirname(storage.find_cache_folder()), "shards")
        storage.make_folder(parent)
        self._folder = storage.join(parent, uuid.uuid4().hex)
        with storage.locked(parent, wait=True):  # or another process would remove the new folder
            _remove_abandoned(parent)
            storage.make_folder(self._folder)
            handle = _open_lock(self._folder)
        weakref.finalize(self, _end, handle, self._folder)

    def fetch(self, url: str, shard: ShardInfo) -> str:
        """Copies a shard and returns the path of the copy; raises UserError."""
        path = storage.join(self._folder, f"{uuid.uuid4().hex[:8]}-{shard.name}")
        _download(url, path, shard, remedy="Free space, or set XDG_CACHE_HOME to a folder of another disk.")
        return path

    def release(self, path: str) -> None:
        """Removes a copy that was read."""
        storage.remove(path)


class CachedCopies:
    """Copies in a folder of the user's, which later passes, trainings and other processes read again.

    Args:
      folder: The folder; it is made where it is missing. A file in it is named by its checksum, so any number
        of data sets and processes can share it.
    """

    def __init__(self, folder: str):
        self._folder = storage.local_path(folder)
        storage.make_folder(folder)
        self._checked: set[str] = set()

    def fetch(self, url: str, shard: ShardInfo) -> str:
        """Returns the path of a copy, which is made if it is missing or damaged; raises UserError."""
        path = storage.join(self._folder, f"{shard.crc32c}-{shard.bytes}-{shard.name}")
        if path in self._checked and os.path.exists(path):
            return path
        with self._locked(shard):
            if not _is_whole(path, shard):
                # A name of its own is not needed under the lock, and that of a killed process is written again.
                temporary = f"{path}{storage.TEMPORARY}part"
                remedy = "Free space there, or name a folder of another disk by --cache."
                _download(url, temporary, shard, remedy=remedy)
                os.replace(temporary, path)
        self._checked.add(path)
        return path

    def release(self, path: str) -> None:
        """Keeps the copy."""

    @contextlib.contextmanager
    def _locked(self, shard: ShardInfo) -> Iterator[None]:
        """Only one process fetches a shard; 256 files serve as locks for any number of shards."""
        handle = os.open(storage.join(self._folder, f".lock-{shard.crc32c[:2]}"), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


Copies = TemporaryCopies | CachedCopies


def _download(url: str, path: str, shard: ShardInfo, *, remedy: str) -> None:
    try:
        for _ in range(_TRIES):
            storage.download(url, path)
            if _is_whole(path, shard):
                return
        found = f"{os.path.getsize(path)} bytes with a CRC-32C of {hash_file(path)}"
    except OSError as error:
        storage.remove(path)
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"copy of shard {url} in {os.path.dirname(path)}",
            received=error.strerror or str(error),
            expected=f"a folder with space for {storage.describe_size(shard.bytes)}",
            remedy=remedy,
        ) from None
    storage.remove(path)
    raise UserError(
        f"shard {url}",
        received=found,
        expected=f"{shard.bytes} bytes with {shard.crc32c}, according to dataset.json",
        remedy="Copy the data set again, or convert the split again with --overwrite.",
    )


def _is_whole(path: str, shard: ShardInfo) -> bool:
    try:
        return os.path.getsize(path) == shard.bytes and hash_file(path) == shard.crc32c
    except FileNotFoundError:
        return False


def _open_lock(folder: str) -> int:
    """Locks a folder for as long as this process lives, or the handle is open."""
    handle = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):  # a disk without locks
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _end(handle: int, folder: str) -> None:
    storage.remove(folder)
    os.close(handle)


def _remove_abandoned(parent: str) -> None:
    """Removes the folders of processes that are gone: nobody holds their locks."""
    for name in storage.list_names(parent):
        with contextlib.suppress(OSError):  # another process uses it, or removes it at the same time
            handle = os.open(storage.join(parent, name), os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                storage.remove(storage.join(parent, name))
            finally:
                os.close(handle)
