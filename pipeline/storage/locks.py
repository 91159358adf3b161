"""Locks of folders: one process at a time writes what a folder holds."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator

from absl import logging

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.local_files import make_folder
from densenet_ocr.pipeline.storage.objects.store_lock import StoreLock
from densenet_ocr.pipeline.storage.paths import is_url


@contextlib.contextmanager
def locked(folder: str, *, wait: bool) -> Iterator[Callable[[], None]]:
    """Holds the lock of a folder within the block.

    A local folder is made if it is missing; its lock is advisory (flock) and ends with the process. The lock of
    a folder in a bucket is a file beside it, FOLDER.lock; see StoreLock. Without locks it only warns.

    Args:
      folder: A local folder, or one in a bucket.
      wait: Whether to wait for another process that holds the lock.

    Yields:
      A function that raises UserError where another process has taken the lock over in the meantime.

    Raises:
      BlockingIOError: another process holds the lock, and `wait` is false.
    """
    if is_url(folder):
        lock = StoreLock(folder)
        with lock.held(wait=wait):
            yield lock.check
    else:
        with _locked_locally(folder, wait):
            yield lambda: None


@contextlib.contextmanager
def held(folder: str, *, subject: str, received: str, remedy: str) -> Iterator[Callable[[], None]]:
    """Holds the lock of a folder as `locked` does; raises UserError if another process has it."""
    with contextlib.ExitStack() as stack:
        try:
            check = stack.enter_context(locked(folder, wait=False))
        except BlockingIOError as error:
            holder = f" ({error.strerror})" if is_url(folder) else ""
            raise UserError(
                subject, received=f"{received}{holder}", expected="one at a time", remedy=remedy
            ) from None
        yield check


@contextlib.contextmanager
def flocked(path: str, kind: int, *, flags: int = os.O_RDWR | os.O_CREAT, mode: int = 0o600) -> Iterator[int]:
    """Holds an advisory lock of a local file or folder within the block, and yields its handle.

    Args:
      path: The file, which is made if it is missing, or the folder.
      kind: Of fcntl.flock.
      flags: Of os.open; os.O_RDONLY for a folder.
      mode: Of a new file.

    Raises:
      BlockingIOError: another process holds the lock, and `kind` does not wait for it.
      OSError: the disk has no locks, or the file cannot be opened.
    """
    handle = os.open(path, flags, mode)
    try:
        fcntl.flock(handle, kind)
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def _locked_locally(folder: str, wait: bool) -> Iterator[None]:
    while True:
        make_folder(folder)
        try:
            handle = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            _lock(handle, folder, wait)
            # The last holder may have replaced the folder while we opened it: then try again.
            if _is_same(handle, folder):
                yield
                return
        finally:
            os.close(handle)


def _lock(handle: int, folder: str, wait: bool) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError as error:
        logging.warning(
            "%s cannot be locked (%s): do not run two commands on it at once", folder, error.strerror
        )


def _is_same(handle: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
