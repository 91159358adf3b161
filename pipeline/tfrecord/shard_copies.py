"""Local copies of shards behind URLs: temporary ones, or a cache that stays. Needs no TensorFlow.

A copy is checked by the size and the CRC-32C that dataset.json has, so neither a body cut short nor a file that
was changed is read as records.
"""

import contextlib
import fcntl
import os
import uuid
import weakref

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
        parent = storage.find_cache_folder("shards")
        storage.make_folder(parent)
        self._folder = storage.join(parent, uuid.uuid4().hex)
        with storage.locked(parent, wait=True):  # or another process would remove the new folder
            _remove_abandoned(parent)
            storage.make_folder(self._folder)
            stack = contextlib.ExitStack()
            with contextlib.suppress(OSError):  # a disk without locks
                stack.enter_context(_hold_folder(self._folder))
        stack.callback(storage.remove, self._folder)
        weakref.finalize(self, stack.close)

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
        # Only one process fetches a shard; 256 files serve as locks for any number of shards.
        lock = storage.join(self._folder, f".lock-{shard.crc32c[:2]}")
        with storage.flocked(lock, fcntl.LOCK_EX, mode=0o666):
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


Copies = TemporaryCopies | CachedCopies


def _download(url: str, path: str, shard: ShardInfo, *, remedy: str) -> None:
    subject = f"copy of shard {url} in {os.path.dirname(path)}"
    expected = f"a folder with space for {storage.describe_size(shard.bytes)}"
    try:
        with storage.explained(subject, expected=expected, remedy=remedy):
            for _ in range(_TRIES):
                storage.download(url, path)
                if _is_whole(path, shard):
                    return
            raise UserError(
                f"shard {url}",
                received=f"{os.path.getsize(path)} bytes with a CRC-32C of {hash_file(path)}",
                expected=f"{shard.bytes} bytes with {shard.crc32c}, according to dataset.json",
                remedy="Copy the data set again, or convert the split again with --overwrite.",
            )
    except (OSError, UserError):
        storage.remove(path)
        raise


def _is_whole(path: str, shard: ShardInfo) -> bool:
    try:
        return os.path.getsize(path) == shard.bytes and hash_file(path) == shard.crc32c
    except FileNotFoundError:
        return False


def _hold_folder(folder: str) -> contextlib.AbstractContextManager[int]:
    """Holds the lock of a folder, which ends with this process; raises OSError where that is not possible."""
    return storage.flocked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB, flags=os.O_RDONLY)


def _remove_abandoned(parent: str) -> None:
    """Removes the folders of processes that are gone: nobody holds their locks."""
    for name in storage.list_names(parent):
        folder = storage.join(parent, name)
        with contextlib.suppress(OSError), _hold_folder(folder):  # others use it, or remove it at the same time
            storage.remove(folder)
