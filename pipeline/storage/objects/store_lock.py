"""The lock of a folder in a bucket: a file beside it, made by a conditional put, kept fresh by its holder."""

import contextlib
import errno
import json
import os
import pathlib
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from absl import logging

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.errors import MissingFile, NoConditionalPuts
from densenet_ocr.pipeline.storage.file_system import find_system
from densenet_ocr.pipeline.storage.paths import parent

# A holder writes its lock anew so often. One that was not written for STALE_SECONDS is given up: four writes
# failed, so the holder's process or machine is gone.
REFRESH_SECONDS, STALE_SECONDS = 15.0, 60.0
_POLL_SECONDS = 2.0


class StoreLock:
    """The lock of a folder in a bucket.

    Another process takes it over at once when its holder ran on this machine and is gone. A lock of another
    machine is watched, and taken over when it was not refreshed for STALE_SECONDS by this machine's own clock.

    Args:
      folder: The URL of the folder.
    """

    def __init__(self, folder: str):
        self._folder = folder.rstrip("/")
        # Beside a bucket is another bucket.
        self._url = f"{self._folder}{'' if parent(self._folder) != self._folder else '/'}.lock"
        self._system = find_system(folder)
        self._token = uuid.uuid4().hex
        self._version: str | None = None
        self._done = threading.Event()
        self._is_held = False  # also where the store has no conditional puts

    @contextlib.contextmanager
    def held(self, *, wait: bool) -> Iterator[None]:
        """Holds the lock within the block.

        Raises:
          BlockingIOError: another process holds the lock, and `wait` is false.
          UserError: another process took the lock over during the block.
        """
        self._is_held = self._acquire(wait)
        if not self._is_held:
            yield
            return
        refresher = threading.Thread(target=self._refresh, name="lock", daemon=True)
        refresher.start()
        try:
            yield
        finally:
            self._done.set()
            refresher.join()
            self._release()
        if self._version is None:
            raise self._lost()

    def check(self) -> None:
        """Raises UserError where another process has taken the lock over, or nobody can tell."""
        if not self._is_held:
            return
        try:
            data, _ = self._system.read_version(self._url)
        except MissingFile:
            data = b""
        if _parse(data).get("token") != self._token:
            raise self._lost()

    def _acquire(self, wait: bool) -> bool:
        """Returns whether the lock is held now; False where the store has no conditional puts."""
        seen: dict[str, float] = {}  # when this process first saw each version of the file
        while True:
            try:
                self._version = self._system.put_if(self._url, self._describe(), version=self._next(seen, wait))
                return self._verify()
            except FileExistsError:
                continue
            except NoConditionalPuts:
                self._warn()
                return False

    def _next(self, seen: dict[str, float], wait: bool) -> str | None:
        """Returns the version of the lock to replace, None where there is no lock; waits for a holder."""
        while True:
            try:
                data, version = self._system.read_version(self._url)
            except MissingFile:
                return None
            holder = _parse(data)
            if holder.get("token") == self._token:  # our put arrived, but its answer did not
                return version
            is_first, is_new = not seen, version not in seen
            first = seen.setdefault(version, time.monotonic())
            is_alive = _is_alive(holder)
            if is_alive is False or time.monotonic() - first > STALE_SECONDS:
                logging.warning("%s: the lock of %s is taken over", self._folder, _name(holder))
                return version
            if not wait and (is_alive or (is_new and not is_first)):
                raise BlockingIOError(errno.EWOULDBLOCK, f"{_name(holder)} holds {self._url}")
            if is_first:
                logging.info(
                    "%s: checking whether the holder of its lock is alive: %s", self._folder, _name(holder)
                )
            time.sleep(_POLL_SECONDS)

    def _verify(self) -> bool:
        """A store that ignores conditions would let a second put pass."""
        try:
            self._version = self._system.put_if(self._url, self._describe(), version=None)
        except FileExistsError:
            return True
        self._warn()
        return True

    def _warn(self) -> None:
        logging.warning(
            "%s cannot be locked (its store has no conditional puts): do not run two commands on it at once",
            self._folder,
        )

    def _refresh(self) -> None:
        while not self._done.wait(REFRESH_SECONDS):
            try:
                assert self._version is not None
                self._version = self._system.renew(self._url, self._describe(), version=self._version)
            except FileExistsError:
                if not self._is_mine():
                    self._version = None
                    logging.error("%s", self._lost())
                    return
            except (UserError, NoConditionalPuts) as error:
                logging.warning("the lock of %s was not refreshed: %s", self._folder, error)

    def _is_mine(self) -> bool:
        """Whether the file is ours after all: a put may arrive twice, and its second answer be a refusal."""
        with contextlib.suppress(UserError):
            data, version = self._system.read_version(self._url)
            if _parse(data).get("token") == self._token:
                self._version = version
                return True
        return False

    def _release(self) -> None:
        try:
            if self._version is not None and self._is_mine():
                self._system.remove(self._url)
        except UserError as error:
            logging.warning("the lock of %s was not removed: %s", self._folder, error)

    def _describe(self) -> bytes:
        content = {"token": self._token, **_identify(), "time": round(time.time(), 3)}
        return json.dumps(content).encode()

    def _lost(self) -> UserError:
        return UserError(
            f"lock of {self._folder}",
            received="another process's lock in its place",
            expected=f"the lock of this process, {os.getpid()}, to the end",
            remedy="It was not refreshed for a minute. Run one command on a folder at a time, this one again.",
        )


def _identify() -> dict[str, Any]:
    """Names this process so that no other one, of this machine or another, has the same name."""
    return {
        "host": socket.gethostname(),
        "boot": _read("/proc/sys/kernel/random/boot_id"),
        "processes": _read("/proc/self/ns/pid"),
        "process": os.getpid(),
        "started": _started(os.getpid()),
    }


def _is_alive(holder: dict[str, Any]) -> bool | None:
    """Whether the holder still runs; None where it is no process of this machine that we see."""
    here = _identify()
    if not all(here[name] and holder.get(name) == here[name] for name in ("host", "boot", "processes")):
        return None
    return _started(holder.get("process")) == holder.get("started")


def _name(holder: dict[str, Any]) -> str:
    return f"process {holder.get('process', '?')} of {holder.get('host', 'an unknown machine')}"


def _started(process: object) -> str:
    """The start of a process in ticks since the machine's start; "" if there is no such process."""
    return "".join(_read(f"/proc/{process}/stat").rpartition(")")[2].split()[19:20])


def _parse(data: bytes) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        content = json.loads(data)
        return content if isinstance(content, dict) else {}
    return {}


def _read(path: str) -> str:
    """The text of a file, or the target of a link; "" where there is none."""
    with contextlib.suppress(OSError):
        return os.readlink(path) if os.path.islink(path) else pathlib.Path(path).read_text("utf-8").strip()
    return ""
