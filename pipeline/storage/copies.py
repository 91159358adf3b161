"""Copies of files and folders between URLs and local disks."""

import os
import time
from collections.abc import Callable, Iterable

from densenet_ocr.pipeline.storage import local_files
from densenet_ocr.pipeline.storage.file_system import find_reader, find_system
from densenet_ocr.pipeline.storage.many import map_many
from densenet_ocr.pipeline.storage.paths import TEMPORARY, join
from densenet_ocr.pipeline.ui.progress import Progress

_AT_ONCE = 16


def download_folder(url: str, folder: str, *, names: Iterable[str] | None = None) -> list[str]:
    """Copies files into a local folder, many at once.

    Args:
      url: The folder that they come from.
      folder: The local folder, which is made if it is missing; other files in it stay.
      names: The files, relative to the folder; all files of a bucket's folder if None.

    Returns:
      The names of the files, relative to the folder, sorted.
    """
    names = sorted(find_system(url, "list").list_versions(url) if names is None else names)
    paths = {name: os.path.join(folder, name) for name in names}
    for place in sorted({os.path.dirname(path) for path in paths.values()} | {folder}):
        local_files.make_folder(place)
    _work(f"downloading {url}", lambda name: download_file(join(url, name), paths[name]), names)
    return names


def download_file(url: str, path: str) -> None:
    """Copies a file to a local path, which appears when all bytes are there."""
    subject = f"copy of {url} in {os.path.dirname(path)}"
    remedy = "Free space, or set XDG_CACHE_HOME to a folder of another disk."
    with (
        local_files.explained(subject, expected="a folder with space", remedy=remedy),
        local_files.replacing(path) as temporary,
    ):
        find_reader(url).download(url, temporary)


def upload_folder(
    folder: str, url: str, *, names: Iterable[str] | None = None, last: Iterable[str] = ()
) -> list[str]:
    """Copies the files of a local folder into a folder of a bucket, many at once.

    Args:
      folder: The local folder.
      url: The folder in the bucket; other files in it stay.
      names: The files, relative to the folder; all of them if None. Temporary files never go along.
      last: Files that are put after all others, in this order: readers who find them find the others too.

    Returns:
      The names of the files, relative to the folder, in the order in which they were put.
    """
    found = local_files.list_files(folder) if names is None else sorted(names)
    final = [name for name in last if name in found]
    first = [name for name in found if name not in final and TEMPORARY not in name]
    system = find_system(url)

    def put(name: str) -> None:
        system.put(join(url, name), os.path.join(folder, name))

    _work(f"uploading {url}", put, first)
    for name in final:
        put(name)
    return first + final


def _work(title: str, function: Callable[[str], None], names: list[str]) -> None:
    """Calls a function for each name, many at once; shows progress after two seconds."""
    progress, start = Progress(title, len(names), "files", every_seconds=10.0), time.monotonic()
    for done, _ in enumerate(map_many(function, names, _AT_ONCE), start=1):
        if time.monotonic() - start > 2:
            progress.show(done)
