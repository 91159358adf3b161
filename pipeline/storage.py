"""Where bytes live: local paths now, behind the few verbs that a URL's file system will have to offer too."""

import contextlib
import glob as local_glob
import os
import shutil
import uuid

from pipeline.errors import UserError

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
        with open(local_path(path), "rb") as file:
            return file.read()
    except OSError as error:
        raise UserError(
            f"file {path}",
            received=error.strerror or str(error),
            expected="a file that can be read",
            remedy="Check the path and its permissions.",
        ) from None


def write_atomically(path: str, data: bytes) -> None:
    """Writes a file so that a reader sees the old bytes or the new ones, never a part."""
    with atomic_file(path) as file:
        file.write(data)


@contextlib.contextmanager
def atomic_file(path: str):
    """A file for writing that takes its name when the block ends well, and leaves nothing otherwise."""
    temporary = f"{local_path(path)}{TEMPORARY}{uuid.uuid4().hex[:8]}"
    file = _open_for_writing(temporary, path)
    try:
        with file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
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
    """Paths that match a glob, sorted."""
    return sorted(local_glob.glob(local_path(pattern)))


def remove(path: str) -> None:
    """Removes a file or a whole folder; one that is not there is fine."""
    if os.path.isdir(local_path(path)):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


def free_bytes(folder: str) -> int:
    """Bytes free on the disk that holds `folder`."""
    return shutil.disk_usage(local_path(folder)).free


def _open_for_writing(temporary: str, path: str):
    try:
        return open(temporary, "wb", buffering=1 << 20)
    except OSError as error:
        raise UserError(
            f"file {path}",
            received=error.strerror or str(error),
            expected="a place that can be written",
            remedy="Make its folder, or name another path.",
        ) from None
