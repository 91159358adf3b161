"""Files and folders on local disks."""

import contextlib
import errno
import glob as local_glob
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from typing import BinaryIO

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.paths import TEMPORARY


def read_bytes(path: str) -> bytes:
    """Returns the bytes of a file; raises UserError if it cannot be read."""
    try:
        with open_file(path) as file:
            return file.read()
    except OSError as error:
        raise _refuse_reading(path, error) from None


def read_range(path: str, start: int, length: int) -> bytes:
    """Returns up to `length` bytes of a file from `start`; raises UserError if it cannot be read."""
    try:
        with open_file(path) as file:
            file.seek(start)
            return file.read(length)
    except OSError as error:
        raise _refuse_reading(path, error) from None


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
    if os.path.isdir(path):
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
    temporary = f"{path}{TEMPORARY}{uuid.uuid4().hex[:8]}"
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
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"folder {path}",
            received=error.strerror,
            expected="a writable folder",
            remedy="Name another folder, or make this one writable.",
        ) from None


def exists(path: str) -> bool:
    """Returns whether a file or folder exists."""
    return os.path.exists(path)


def is_special(path: str) -> bool:
    """Returns whether a path is that of a pipe or a device, which may block or have no end."""
    return exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def is_folder(path: str) -> bool:
    """Returns whether a folder exists."""
    return os.path.isdir(path)


def size(path: str) -> int:
    """Returns the size of a file in bytes."""
    return os.path.getsize(path)


def list_names(folder: str) -> list[str]:
    """Returns the names inside a folder, sorted; none if there is no folder."""
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


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


def free_bytes(folder: str) -> int:
    """Returns the free bytes of the disk that holds `folder`."""
    return shutil.disk_usage(folder).free


def _refuse_reading(path: str, error: OSError) -> UserError:
    return UserError(
        f"file {path}",
        received=error.strerror or str(error),
        expected="a readable file",
        remedy="Check the path and its permissions.",
    )


def _refuse_writing(path: str, error: OSError) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        expected, remedy = "free space", "Free space and run the same command again."
    else:
        expected, remedy = "a writable path", "Make its folder, or name another path."
    return UserError(f"file {path}", received=error.strerror or str(error), expected=expected, remedy=remedy)
