"""Files and folders on local disks, in object stores, in HDFS and on web servers, behind a few functions.

A path is a local one or a URL: s3://, gs://, az://, abfs(s)://, hdfs://, and http(s):// to read.
docs/storage.md says which settings count.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from densenet_ocr.pipeline.storage import local_files
from densenet_ocr.pipeline.storage.cache import find_cache_folder, kept_copy, local_copy, local_folder
from densenet_ocr.pipeline.storage.copies import download_folder, upload_folder
from densenet_ocr.pipeline.storage.errors import MissingFile, NoPermission
from densenet_ocr.pipeline.storage.file_system import find_reader, find_system
from densenet_ocr.pipeline.storage.globs import find_names
from densenet_ocr.pipeline.storage.local_files import (
    explained,
    is_special,
    open_at_once,
    open_regular,
    plain_path,
    replacing,
)
from densenet_ocr.pipeline.storage.locks import flocked, held, locked
from densenet_ocr.pipeline.storage.many import map_many, read_many
from densenet_ocr.pipeline.storage.paths import (
    TEMPORARY,
    absolute,
    describe_size,
    is_plain_name,
    is_url,
    is_web,
    join,
    local_path,
    normalise,
    parent,
)
from densenet_ocr.pipeline.storage.remote_files import open_ranges, spooled_file

# A description of half a million shards, at about 120 bytes each. Parsed, it may take 20 times as much memory.
_MOST_JSON_BYTES = 1 << 26


def read_bytes(path: str) -> bytes:
    """Returns the bytes of a file.

    Raises:
      UserError: it cannot be read. For a URL, a missing file is MissingFile and one that may not be read is
        NoPermission.
    """
    return find_reader(path).read_bytes(path) if is_url(path) else local_files.read_range(path)


def read_range(path: str, start: int, length: int) -> bytes:
    """Returns up to `length` bytes of a file from the byte `start`, fewer at its end.

    Raises:
      UserError: see `read_bytes`.
    """
    if is_url(path):
        return find_reader(path).read_range(path, start, length) if length > 0 else b""
    return local_files.read_range(path, start, length)


def download(url: str, path: str) -> None:
    """Writes the bytes of a file behind a URL to a local path.

    Raises:
      OSError: the local path cannot be written, for example for lack of space.
      UserError: see `read_bytes`.
    """
    find_reader(url).download(url, path)


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


def open_file(path: str) -> BinaryIO:
    """Opens a file for reading from any position; a URL is read by ranges of a megabyte.

    Raises:
      OSError: a local file cannot be opened.
      UserError: see `read_bytes`; reading raises it too.
    """
    return open_ranges(path) if is_url(path) else local_files.open_file(path)


def hash_file(path: str) -> str:
    """Returns the SHA-256 of a file as hexadecimal digits; raises what `open_file` does."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


@contextlib.contextmanager
def atomic_file(path: str) -> Iterator[BinaryIO]:
    """Opens a file for writing bytes; it gets its name when the block succeeds, and is removed otherwise.

    Readers see the old bytes or the new ones, never a part. What goes to a URL is first written to this
    machine's temporary folder.

    Raises:
      UserError: the file cannot be written, for example for lack of space.
    """
    with spooled_file(path) if is_url(path) else local_files.atomic_file(path) as file:
        yield file


def write_atomically(path: str, data: bytes) -> None:
    """Writes a file in one atomic step: readers see the old bytes or the new ones, never a part."""
    if is_url(path):
        find_system(path).put(path, data)
        return
    with atomic_file(path) as file:
        file.write(data)


def check_writable(path: str) -> None:
    """Raises UserError if a path is a folder or cannot be written; leaves nothing behind."""
    find_system(path).check_writable(path) if is_url(path) else local_files.check_writable(path)


def make_folder(path: str) -> None:
    """Makes a folder and its parents; raises UserError if it cannot. Object stores need no folders."""
    find_system(path).make_folder(path) if is_url(path) else local_files.make_folder(path)


def exists(path: str) -> bool:
    """Returns whether a file or folder exists."""
    return find_reader(path).exists(path) if is_url(path) else os.path.exists(path)


def is_folder(path: str) -> bool:
    """Returns whether a folder exists; in an object store, whether there are files in it."""
    return find_reader(path).is_folder(path) if is_url(path) else os.path.isdir(path)


def size(path: str) -> int:
    """Returns the size of a file in bytes; raises OSError or UserError if there is none."""
    return find_reader(path).size(path) if is_url(path) else os.path.getsize(path)


def list_names(folder: str) -> list[str]:
    """Returns the names inside a folder, sorted; none if there is no folder."""
    return find_system(folder, "list").list_names(folder) if is_url(folder) else local_files.list_names(folder)


def list_files(folder: str) -> list[str]:
    """Returns the names of all files in a folder and the folders in it, relative to it, sorted."""
    return list(list_versions(folder)) if is_url(folder) else local_files.list_files(folder)


def list_versions(url: str) -> dict[str, tuple[int, str]]:
    """Returns the size in bytes and the version of all files below a folder of a bucket, by relative name.

    A version, such as the ETag, changes with a file's bytes. One request brings a thousand files.

    Raises:
      UserError: the folder cannot be listed. One that is not there has no files.
    """
    return find_system(url, "list").list_versions(url)


def find(pattern: str, folder: str = "") -> list[str]:
    """Returns the paths that match a glob, sorted; ** matches any number of folders.

    Args:
      pattern: The glob.
      folder: A folder that the glob is relative to; its own path is no pattern.
    """
    if is_url(folder or pattern):
        return find_names(find_system(folder or pattern, "list"), pattern, folder)
    return local_files.find(pattern, folder)


def remove(path: str) -> None:
    """Removes a file or a folder with its contents, if it exists."""
    find_system(path, "remove").remove(path) if is_url(path) else local_files.remove(path)


def remove_many(paths: Sequence[str]) -> None:
    """Removes files, those of one store with a request for each thousand; missing ones do not matter."""
    remote = [path for path in paths if is_url(path)]
    for path in paths:
        if not is_url(path):
            local_files.remove(path)
    if remote:
        find_system(remote[0], "remove").remove_files(remote)


def free_bytes(folder: str) -> int | None:
    """Returns the free bytes of the disk that holds `folder`; None for a URL, which has no such limit."""
    return None if is_url(folder) else shutil.disk_usage(folder).free
