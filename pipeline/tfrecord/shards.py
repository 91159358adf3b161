"""The shards of a split as tf.data reads them: local files, or local copies of those behind URLs.

Copies are temporary, or in a cache that stays. A copy is checked by the size and the CRC-32C that dataset.json
has, so neither a body cut short nor a file that was changed is read as records.
"""

import contextlib
import fcntl
import os
import re
import uuid
import weakref
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo, ShardInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.tfrecord.records import hash_file

# Shards behind URLs that are fetched at a time, ahead of the reader: one alone seldom fills a connection.
FETCHED_AT_ONCE = 4
_TRIES = 3  # a copy with a wrong checksum is fetched again

# TensorFlow passes only the text of an error on, among other texts.
_MARK = "\N{SYMBOL FOR START OF TEXT}"
_MARKED = re.compile(f"{_MARK}(.*?){_MARK}", re.DOTALL)


class TemporaryCopies:
    """Copies that their reader removes, in a folder of this process below the cache folder.

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


class Shards:
    """The shards of a split that have records.

    Args:
      folder: The data set, a local folder or a URL.
      info: Its metadata.
      split: Name of the split.
      cache: Local folder for copies that stay; without it, copies of shards behind URLs are temporary.

    Attributes:
      paths: Paths or URLs of the shards, in order.

    Raises:
      UserError: the split has no lines, or a shard is missing or has another size.
    """

    def __init__(self, folder: str, info: DatasetInfo, split: str, cache: str | None = None):
        shards = _list_shards(folder, info, split)
        self.paths = [storage.join(folder, shard.name) for shard in shards]
        self._shards = dict(zip(self.paths, shards, strict=True))
        self._copies: CachedCopies | TemporaryCopies | None = None
        if storage.is_url(folder):
            self._copies = CachedCopies(cache) if cache else TemporaryCopies()

    def fetch(self, paths: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the local paths, string [], of the shards with these paths, string [], in the same order."""
        if self._copies is None:
            return paths
        return paths.map(
            lambda path: tf.ensure_shape(tf.numpy_function(self._fetch, [path], tf.string), []),
            num_parallel_calls=FETCHED_AT_ONCE,
            deterministic=True,
        )

    def read(self, path: tf.Tensor) -> tf.data.Dataset:
        """Returns the records, string [], of a shard by its local path; then a temporary copy is removed."""
        records = tf.data.TFRecordDataset(path)
        if not isinstance(self._copies, TemporaryCopies):
            return records
        end = tf.data.Dataset.from_tensors(path).map(_remove_later).filter(lambda _: False)
        return records.concatenate(end)

    def _fetch(self, url: bytes) -> bytes:
        assert self._copies is not None
        try:
            path = url.decode("utf-8", "surrogateescape")
            return self._copies.fetch(path, self._shards[path]).encode("utf-8", "surrogateescape")
        except UserError as error:
            raise RuntimeError(f"{_MARK}{error}{_MARK}") from None


def _remove_later(path: tf.Tensor) -> tf.Tensor:
    """Removes a copy that was read, by its path, string [], and returns the path."""
    return tf.ensure_shape(tf.numpy_function(_remove, [path], tf.string), [])


def _remove(path: bytes) -> np.bytes_:
    storage.remove(path.decode("utf-8", "surrogateescape"))
    return np.bytes_(path)


@contextlib.contextmanager
def reading_errors() -> Iterator[None]:
    """Raises the UserError with which a shard could not be fetched, in place of TensorFlow's error about it."""
    try:
        yield
    except tf.errors.OpError as error:
        if found := _MARKED.search(str(error)):
            raise UserError.of_text(found[1]) from None
        raise


def _list_shards(folder: str, info: DatasetInfo, split: str) -> list[ShardInfo]:
    """The shards with records; raises UserError if there are none or one is damaged."""
    chosen = info.find_split(split)
    if not chosen.written:
        raise UserError(
            f"split {split!r}",
            received="no lines",
            expected="at least one line",
            remedy=f"See {split}.rejects.tsv in {folder} for why every row was refused.",
        )
    shards = [shard for shard in chosen.shards if shard.records]
    sizes = _read_sizes(folder, shards)
    for shard in shards:
        found = sizes.get(shard.name)
        if found != shard.bytes:
            raise UserError(
                f"shard {storage.join(folder, shard.name)}",
                received="no such file" if found is None else f"{found} bytes",
                expected=f"{shard.bytes} bytes, according to dataset.json",
                remedy="Copy the data set again, or convert the split again with --overwrite.",
            )
    return shards


def _read_sizes(folder: str, shards: list[ShardInfo]) -> dict[str, int]:
    """Sizes of the shards' files by name, with one request for each thousand files of a bucket."""
    if storage.is_web(folder):  # which list nothing: a copy is checked when it is made
        return {shard.name: shard.bytes for shard in shards}
    if storage.is_url(folder):
        return {name: size for name, (size, _) in storage.list_versions(folder).items()}
    paths = {shard.name: storage.join(folder, shard.name) for shard in shards}
    return {name: storage.size(path) for name, path in paths.items() if storage.exists(path)}


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
