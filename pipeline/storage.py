"""Where bytes live: local paths now, behind the few verbs that a URL's file system will have to offer too."""

import contextlib
import errno
import fcntl
import glob as local_glob
import os
import shutil
import stat
import uuid

from absl import logging

from densenet_ocr.pipeline.errors import UserError

TEMPORARY = ".tmp-"


def local_path(path: str) -> str:
    """The path itself, if it is one of this machine; raises UserError for a URL."""
    if "://" in path:
        raise UserError(
            "path",
            received=repr(path),
            expected="a path of this machine",
            remedy="URLs are not read or written yet: copy the files here, or mount the bucket.",
        )
    return path


def join(folder: str, name: str) -> str:
    """The path of `name` inside `folder`."""
    return os.path.join(folder, name)


def read_bytes(path: str) -> bytes:
    """All bytes of a file that the user named; raises UserError where it cannot be read."""
    try:
        with open(local_path(path), "rb", opener=open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "a pipe or a device")
            return file.read()
    except OSError as error:
        raise UserError(
            f"file {path}",
            received=error.strerror or str(error),
            expected="a file that can be read",
            remedy="Check the path and its permissions.",
        ) from None


def open_at_once(path: str, flags: int) -> int:
    """An opener for `open` that does not wait for the other end of a pipe, which then reads as empty."""
    return os.open(path, flags | os.O_NONBLOCK)


def write_atomically(path: str, data: bytes) -> None:
    """Writes a file so that a reader sees the old bytes or the new ones, never a part."""
    with atomic_file(path) as file:
        file.write(data)


def check_writable(path: str) -> None:
    """Raises UserError where a file cannot be written, or is a folder; leaves nothing."""
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
def atomic_file(path: str):
    """A file for writing that takes its name when the block ends well, and leaves nothing otherwise."""
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
    """Makes a folder and its parents; raises UserError where that cannot be."""
    try:
        os.makedirs(local_path(path), exist_ok=True)
    except OSError as error:
        raise UserError(
            f"folder {path}",
            received=error.strerror,
            expected="a folder that can be written",
            remedy="Name another folder, or free this one.",
        ) from None


def exists(path: str) -> bool:
    """Whether a file or folder is there."""
    return os.path.exists(local_path(path))


def is_folder(path: str) -> bool:
    """Whether a folder is there."""
    return os.path.isdir(local_path(path))


def size(path: str) -> int:
    """Bytes of a file."""
    return os.path.getsize(local_path(path))


def list_names(folder: str) -> list[str]:
    """Names inside a folder, sorted; empty where there is no folder."""
    return sorted(os.listdir(folder)) if os.path.isdir(local_path(folder)) else []


def find(pattern: str) -> list[str]:
    """Paths that match a glob, sorted; ** stands for any number of folders."""
    return sorted(local_glob.glob(local_path(pattern), recursive=True))


def remove(path: str) -> None:
    """Removes a file or a whole folder; one that is not there is fine."""
    if os.path.isdir(local_path(path)):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


def describe_size(count: int) -> str:
    """Bytes for people, in powers of ten as disks are sold."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def free_bytes(folder: str) -> int:
    """Bytes free on the disk that holds `folder`."""
    return shutil.disk_usage(local_path(folder)).free


@contextlib.contextmanager
def locked(folder: str, *, wait: bool):
    """Holds a folder's lock, which dies with the process, and makes the folder where it is missing.

    The lock is advisory (flock), so it binds those that ask for it. Raises BlockingIOError where another
    process holds it, unless told to wait.
    """
    while True:
        make_folder(folder)
        try:
            handle = os.open(local_path(folder), os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            _lock(handle, folder, wait)
            # Its last holder may have removed the folder while we opened it: then another one counts.
            if _is_same(handle, folder):
                yield
                return
        finally:
            os.close(handle)


@contextlib.contextmanager
def held(folder: str, *, subject: str, received: str, remedy: str):
    """Holds a folder's lock within the block; raises UserError, in these words, where another process does."""
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
        logging.warning("%s cannot be locked (%s): let no two commands write there", folder, error.strerror)


def _is_same(handle: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _refuse_writing(path: str, error: OSError) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        expected, remedy = "space for it", "Free space and give the same command again."
    else:
        expected, remedy = "a place that can be written", "Make its folder, or name another path."
    return UserError(f"file {path}", received=error.strerror or str(error), expected=expected, remedy=remedy)
