"""File access: local paths today, behind the few functions that URLs will need too."""

import contextlib
import errno
import fcntl
import glob as local_glob
import json
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from typing import Any, BinaryIO

from absl import logging

from densenet_ocr.pipeline.errors import UserError

TEMPORARY = ".tmp-"

# A description of half a million shards, at about 120 bytes each. Parsed, it may take 20 times as much memory.
_MOST_JSON_BYTES = 1 << 26


def local_path(path: str) -> str:
    """Returns a local path unchanged; raises UserError for a URL."""
    if "://" in path:
        raise UserError(
            "path",
            received=repr(path),
            expected="a local path",
            remedy="URLs are not supported yet: copy the files to this machine, or mount the bucket.",
        )
    return path


def join(folder: str, name: str) -> str:
    """Returns the path of `name` inside `folder`."""
    return os.path.join(folder, name)


def read_bytes(path: str) -> bytes:
    """Returns the bytes of a file; raises UserError if it cannot be read."""
    try:
        with open(local_path(path), "rb", opener=open_regular) as file:
            return file.read()
    except OSError as error:
        raise UserError(
            f"file {path}",
            received=error.strerror or str(error),
            expected="a readable file",
            remedy="Check the path and its permissions.",
        ) from None


def read_json(path: str) -> Any:
    """Reads a JSON file that describes something, and may come from anywhere.

    Raises:
      ValueError: it is no JSON, is nested too deeply, or is larger than any description.
      UserError: it cannot be read.
    """
    if exists(path) and size(path) > _MOST_JSON_BYTES:
        raise ValueError(f"{size(path):,} bytes, a description has {_MOST_JSON_BYTES:,} at most")
    try:
        return json.loads(read_bytes(path))
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None


def is_plain_name(name: object) -> bool:
    """Returns whether a name from a description is that of a file beside it: a path could lead anywhere."""
    return isinstance(name, str) and name not in ("", os.curdir, os.pardir) and not {"/", "\0"} & set(name)


def open_at_once(path: str, flags: int) -> int:
    """Opener for `open` that does not block on a pipe, which then reads as empty."""
    return os.open(path, flags | os.O_NONBLOCK)


def open_regular(path: str, flags: int) -> int:
    """Opener for `open` that raises OSError for a pipe or a device, which may block or have no end."""
    handle = open_at_once(path, flags)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # `open` itself refuses a folder
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "a pipe or a device", path)


def write_atomically(path: str, data: bytes) -> None:
    """Writes a file in one atomic step: readers see the old bytes or the new ones, never a part."""
    with atomic_file(path) as file:
        file.write(data)


def check_writable(path: str) -> None:
    """Raises UserError if a path is a folder or cannot be written; leaves nothing behind."""
    if os.path.isdir(local_path(path)):
        raise _refuse_writing(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    temporary = f"{path}{TEMPORARY}{uuid.uuid4().hex[:8]}"
    try:
        with open(temporary, "wb"):
            pass
        os.remove(temporary)
    except OSError as error:
        raise _refuse_writing(path, error) from None


@contextlib.contextmanager
def atomic_file(path: str) -> Iterator[BinaryIO]:
    """Opens a file for writing bytes; it gets its name when the block succeeds, and is removed otherwise.

    Raises:
      UserError: the file cannot be written, for example for lack of space.
    """
    temporary = f"{local_path(path)}{TEMPORARY}{uuid.uuid4().hex[:8]}"
    try:
        with open(temporary, "wb", buffering=1 << 20) as file:
            yield file
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        if isinstance(error, OSError):
            raise _refuse_writing(path, error) from None
        raise


def make_folder(path: str) -> None:
    """Makes a folder and its parents; raises UserError if it cannot."""
    try:
        os.makedirs(local_path(path), exist_ok=True)
    except OSError as error:
        raise UserError(
            f"folder {path}",
            received=error.strerror,
            expected="a writable folder",
            remedy="Name another folder, or make this one writable.",
        ) from None


def exists(path: str) -> bool:
    """Returns whether a file or folder exists."""
    return os.path.exists(local_path(path))


def is_special(path: str) -> bool:
    """Returns whether a path is that of a pipe or a device, which may block or have no end."""
    return exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def is_folder(path: str) -> bool:
    """Returns whether a folder exists."""
    return os.path.isdir(local_path(path))


def size(path: str) -> int:
    """Returns the size of a file in bytes."""
    return os.path.getsize(local_path(path))


def list_names(folder: str) -> list[str]:
    """Returns the names inside a folder, sorted; none if there is no folder."""
    return sorted(os.listdir(folder)) if os.path.isdir(local_path(folder)) else []


def find(pattern: str, folder: str = "") -> list[str]:
    """Returns the paths that match a glob, sorted; ** matches any number of folders.

    Args:
      pattern: The glob.
      folder: A folder that the glob is relative to; its own path is no pattern.
    """
    names = local_glob.glob(local_path(pattern), root_dir=local_path(folder) or None, recursive=True)
    return sorted(os.path.join(folder, name) for name in names)


@contextlib.contextmanager
def plain_path(folder: str) -> Iterator[str]:
    """Within the block, a path of an existing folder that TensorFlow does not take for a glob.

    TensorFlow looks for a checkpoint by a glob, so it finds none below `run[1]`. Such a folder is opened, and
    named by its number in /proc.
    """
    if not set(local_path(folder)) & set("*?[\\"):
        yield folder
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def remove(path: str) -> None:
    """Removes a file or a folder with its contents, if it exists."""
    if os.path.isdir(local_path(path)):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


def describe_size(count: int) -> str:
    """Formats a number of bytes in powers of ten, such as 1.5 GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def free_bytes(folder: str) -> int:
    """Returns the free bytes of the disk that holds `folder`."""
    return shutil.disk_usage(local_path(folder)).free


@contextlib.contextmanager
def locked(folder: str, *, wait: bool) -> Iterator[None]:
    """Holds the lock of a folder, which it makes if missing, within the block.

    The lock is advisory (flock) and ends with the process. On file systems without locks it only warns.

    Args:
      folder: A local folder.
      wait: Whether to wait for another process that holds the lock.

    Raises:
      BlockingIOError: another process holds the lock, and `wait` is false.
    """
    while True:
        make_folder(folder)
        try:
            handle = os.open(local_path(folder), os.O_RDONLY)
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


@contextlib.contextmanager
def held(folder: str, *, subject: str, received: str, remedy: str) -> Iterator[None]:
    """Holds the lock of a folder within the block; raises UserError if another process has it."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder, wait=False))
        except BlockingIOError:
            raise UserError(subject, received=received, expected="one at a time", remedy=remedy) from None
        yield


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


def _refuse_writing(path: str, error: OSError) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        expected, remedy = "free space", "Free space and run the same command again."
    else:
        expected, remedy = "a writable path", "Make its folder, or name another path."
    return UserError(f"file {path}", received=error.strerror or str(error), expected=expected, remedy=remedy)
