"""Files and folders on local disks."""

import contextlib
import errno
import glob as local_glob
import os
import shutil
import stat
from collections.abc import Iterator
from typing import BinaryIO

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.paths import temporary_path


def read_range(path: str, start: int = 0, length: int = -1) -> bytes:
    """Returns up to `length` bytes of a file from `start`, -1 for all; raises UserError where it cannot."""
    try:
        with open_file(path) as file:
            file.seek(start)
            return file.read(length)
    except OSError as error:
        raise _explain(
            error, f"file {path}", "a readable file", "Check the path and its permissions."
        ) from None


def open_file(path: str) -> BinaryIO:
    """Opens a regular file for reading; raises OSError if it cannot."""
    return open(path, "rb", opener=open_regular)


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


def check_writable(path: str) -> None:
    """Raises UserError if a path is a folder or cannot be written; leaves nothing behind."""
    temporary = temporary_path(path)
    with _explained_writing(path):
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with open(temporary, "wb"):
            pass
        os.remove(temporary)


@contextlib.contextmanager
def atomic_file(path: str) -> Iterator[BinaryIO]:
    """Opens a file for writing bytes; it gets its name when the block succeeds, and is removed otherwise.

    Raises:
      UserError: the file cannot be written, for example for lack of space.
    """
    with _explained_writing(path), replacing(path) as temporary, open(temporary, "wb", 1 << 20) as file:
        yield file


@contextlib.contextmanager
def replacing(path: str) -> Iterator[str]:
    """Yields a temporary path, which gets its name when the block succeeds, and is removed otherwise."""
    temporary = temporary_path(path)
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            remove(temporary)
        raise


def make_folder(path: str) -> None:
    """Makes a folder and its parents; raises UserError if it cannot."""
    remedy = "Name another folder, or make this one writable."
    with explained(f"folder {path}", expected="a writable folder", remedy=remedy):
        os.makedirs(path, exist_ok=True)


def is_special(path: str) -> bool:
    """Returns whether a path is that of a pipe or a device, which may block or have no end."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def list_names(folder: str) -> list[str]:
    """Returns the names inside a folder, sorted; none if there is no folder."""
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def list_files(folder: str) -> list[str]:
    """Returns the names of all files in a folder and the folders in it, relative to it, sorted."""
    found = []
    for place, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(place, name), folder) for name in names]
    return sorted(found)


def find(pattern: str, folder: str = "") -> list[str]:
    """Returns the paths that match a glob below a folder, sorted."""
    names = local_glob.glob(pattern, root_dir=folder or None, recursive=True)
    return sorted(os.path.join(folder, name) for name in names)


@contextlib.contextmanager
def plain_path(folder: str) -> Iterator[str]:
    """Within the block, a path of an existing folder that TensorFlow does not take for a glob.

    TensorFlow looks for a checkpoint by a glob, so it finds none below `run[1]`. Such a folder is opened, and
    named by its number in /proc.
    """
    if not set(folder) & set("*?[\\"):
        yield folder
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def remove(path: str) -> None:
    """Removes a file or a folder with its contents, if it exists."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


@contextlib.contextmanager
def explained(subject: str, *, expected: str, remedy: str) -> Iterator[None]:
    """Raises UserError in place of an OSError about a local file."""
    try:
        yield
    except OSError as error:
        if isinstance(error, UserError):
            raise
        raise _explain(error, subject, expected, remedy) from None


@contextlib.contextmanager
def _explained_writing(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        expected, remedy = "a writable path", "Make its folder, or name another path."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            expected, remedy = "free space", "Free space and run the same command again."
        raise _explain(error, f"file {path}", expected, remedy) from None


def _explain(error: OSError, subject: str, expected: str, remedy: str) -> UserError:
    return UserError(subject, received=error.strerror or str(error), expected=expected, remedy=remedy)
