"""The mirror of a run in a bucket: a folder of this machine that a training writes, and that is published.

Keras and TensorFlow write local files only. So a training on a URL fetches its run into a mirror, works there,
and publishes what has changed after each checkpoint. The bucket's state counts: a mirror that is ahead of it,
because its last publication failed, is taken up if nobody has changed the bucket since; if anybody has, it is
fetched anew.
"""

import contextlib
import dataclasses
import fnmatch
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError

# What a run has. Other files in its folder, such as a report, are left alone.
PARTS = (
    "config.json",
    "charset.txt",
    "dataset.json",
    "weights",
    "checkpoints",
    "history.csv",
    "curves.png",
    "tensorboard",
)

# Files by which readers and resuming trainings find the others, in the order in which they are put.
_LAST = (
    "checkpoints/*.index",
    "weights/best.weights.h5",
    "history.csv",
    "checkpoints/checkpoint",
    "config.json",
)

# No training reads its weights files, so an empty file takes the place of each one that is only in the bucket.
_WEIGHTS = "weights/"

# Files that are being written, by this package or as parts of a checkpoint by TensorFlow.
_UNFINISHED = re.compile(rf"{re.escape(storage.TEMPORARY)}|_temp/|tempstate")

_FILES, _RECORD = "run", "published.json"  # names in the folder of a mirror

# Size, time of the last change in ns, and inode of a local file; another file differs in one of them.
_State = tuple[int, int, int]


@dataclasses.dataclass
class Mirror:
    """The local files of a run in a bucket.

    Attributes:
      url: Folder of the run in the bucket.
      place: Folder of the mirror on this machine.
      check_lock: Raises UserError where this process has lost the lock of the run.
    """

    url: str
    place: str
    check_lock: Callable[[], None]
    # The local files as they were when they were published.
    _published: dict[str, _State] = dataclasses.field(default_factory=dict, init=False)

    @property
    def folder(self) -> str:
        """Folder of the run's local files."""
        return storage.join(self.place, _FILES)

    def fetch(self) -> None:
        """Makes the local files those of the bucket, or newer ones that were to be published over them.

        Weights files are not copied, see _WEIGHTS: those of a long run are much larger than the rest.

        Raises:
          UserError: the bucket cannot be read, or the files cannot be written.
        """
        self._remove_unfinished()
        remote = self._list_remote()
        record = self._read_record()
        if not self._continues(remote, record.get("remote", {})):
            storage.remove(self.folder)
            record = {}
        missing = [name for name in remote if not os.path.exists(self._path(name))]
        needed = [name for name in missing if not name.startswith(_WEIGHTS)]
        storage.download_folder(self.url, self.folder, names=needed)
        for name in set(missing) - set(needed):
            storage.make_folder(os.path.dirname(self._path(name)))
            storage.write_atomically(self._path(name), b"")
        local = _list_local(self.folder)
        before = {name: tuple(state) for name, state in record.get("local", {}).items()}
        self._published = {
            name: local[name] if name in missing else before.get(name, (0, 0, 0)) for name in remote
        }
        if needed:
            logging.info("run %s: fetched %d files into %s", self.url, len(needed), self.folder)
        self._write_record(remote)

    def publish(self) -> None:
        """Puts the files that have changed since the last time into the bucket; removes those that are gone.

        Files that name others are put after them, so a reader never finds a half.

        Raises:
          UserError: the store does not take them, or another process has taken over the run's lock.
        """
        local = _list_local(self.folder)
        kept = {name for name, (size, _, _) in local.items() if name.startswith(_WEIGHTS) and size == 0}
        changed = [name for name in local if self._published.get(name) != local[name] and name not in kept]
        gone = [name for name in self._published if name not in local]
        if not changed and not gone:
            return
        try:
            self.check_lock()
            last = [name for pattern in _LAST for name in fnmatch.filter(changed, pattern)]
            storage.upload_folder(self.folder, self.url, names=changed, last=last)
            storage.remove_many([storage.join(self.url, name) for name in gone])
            self._published = local
            self._write_record(self._list_remote())
        except UserError:
            logging.error("run %s: not published; %s has the newest files", self.url, self.folder)
            raise

    def _remove_unfinished(self) -> None:
        """Removes what a killed writer has left in HDFS; a bucket never shows a file that is not whole."""
        names = [name for name in storage.list_versions(self.url) if storage.TEMPORARY in name]
        ours = [name for name in names if name.partition(storage.TEMPORARY)[0].partition("/")[0] in PARTS]
        storage.remove_many([storage.join(self.url, name) for name in ours])

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _list_remote(self) -> dict[str, tuple[int, str]]:
        """Size and version of the run's files in the bucket."""
        found = storage.list_versions(self.url)
        return {name: version for name, version in found.items() if name.partition("/")[0] in PARTS}

    def _continues(self, remote: dict[str, tuple[int, str]], recorded: dict[str, list[Any]]) -> bool:
        """Whether the bucket has what this mirror has published, so that newer local files continue it.

        A publication may have been cut short: a file is known too if its ETag is the MD5 of the local one.
        """
        known = all(
            recorded.get(name) == list(version) or _has_hash(self._path(name), version[1])
            for name, version in remote.items()
        )
        gone = [name for name in recorded if name not in remote and os.path.exists(self._path(name))]
        return "config.json" in remote and known and not gone

    def _read_record(self) -> dict[str, Any]:
        try:
            content = storage.read_json(storage.join(self.place, _RECORD))
        except (UserError, ValueError):
            return {}
        return content if isinstance(content, dict) and content.get("url") == self.url else {}

    def _write_record(self, remote: dict[str, tuple[int, str]]) -> None:
        content = {"url": self.url, "remote": remote, "local": self._published}
        storage.write_atomically(storage.join(self.place, _RECORD), json.dumps(content).encode())


@contextlib.contextmanager
def open_mirror(url: str, check_lock: Callable[[], None]) -> Iterator[Mirror]:
    """Yields the mirror of a run, with the run's files; it is removed where the block succeeds.

    Args:
      url: Folder of the run in a bucket, whose lock this process holds.
      check_lock: See Mirror.

    Raises:
      UserError: see Mirror.fetch; or a training uses the mirror, for a run of this URL in another store.
    """
    digest = hashlib.sha256(storage.absolute(url).encode()).hexdigest()[:32]
    place = os.path.join(storage.find_cache_folder("runs"), digest)
    mirror = Mirror(storage.absolute(url), place, check_lock)
    with storage.held(
        mirror.place,
        subject=f"mirror of run {url} in {mirror.place}",
        received="a second training, of a run with this URL in another store",
        remedy="Wait for the other one, or set XDG_CACHE_HOME to another folder.",
    ):
        mirror.fetch()
        try:
            yield mirror
        except BaseException:
            if not storage.list_names(mirror.folder):
                storage.remove(place)
            raise
        storage.remove(place)


def _list_local(folder: str) -> dict[str, _State]:
    found = {}
    for name in storage.list_files(folder):
        if not _UNFINISHED.search(name):
            status = os.stat(os.path.join(folder, name))
            found[name] = status.st_size, status.st_mtime_ns, status.st_ino
    return found


def _has_hash(path: str, etag: str) -> bool:
    """Whether an ETag is the MD5 of a file, as S3 makes it for files that are put in one request."""
    if not os.path.exists(path):
        return False
    return hashlib.md5(storage.read_bytes(path), usedforsecurity=False).hexdigest() == etag.strip('"')
