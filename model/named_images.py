"""The images that a command names: by their paths, folders, globs, a list, or rows on standard input."""

import glob
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import PIL.Image
from absl import logging

from pipeline import images, storage
from pipeline.errors import Refused
from pipeline.line_list import LineList, decode_text, resolve_path, split_row

STANDARD_INPUT = "-"


class NamedImage(NamedTuple):
    """An image as it was named, and its file or why it can have none."""

    name: str
    path: str | Refused


def find_images(words: Iterable[str], *, rows: Iterable[str] = ()) -> Iterator[NamedImage]:
    """The images that words name, in order: files, folders with all below them, globs, and `-` for `rows`."""
    for word in words:
        if word == STANDARD_INPUT:
            paths = [row for row in (row.rstrip("\r\n") for row in rows) if row]
        elif storage.is_folder(word):
            paths = _find_in_folder(word)
        elif glob.has_magic(word) and not storage.exists(word):
            paths = storage.find(word)
            if not paths:
                yield NamedImage(word, Refused("missing_image", "no file matches it"))
        else:
            paths = [word]
        yield from (NamedImage(path, path) for path in paths)


def read_list(path: str, *, image_root: str, encoding: str) -> Iterator[NamedImage]:
    """The images of a list's rows (see pipeline.line_list), whose labels do not matter, below `image_root`."""
    root, lines = os.path.abspath(image_root), LineList(path)
    offsets, numbers = lines.scan()
    for offset, number in zip(offsets.tolist(), numbers.tolist(), strict=True):
        row = split_row(lines.row_at(offset))[0]
        try:
            key = decode_text(row, encoding)
            yield NamedImage(key, resolve_path(key, root))
        except Refused as refusal:
            yield NamedImage(f"{path}:{number}", refusal)


def _find_in_folder(folder: str) -> list[str]:
    files = [path for path in storage.find(os.path.join(glob.escape(folder), "**")) if not os.path.isdir(path)]
    suffixes = {suffix for suffix, kind in PIL.Image.registered_extensions().items() if kind in images.FORMATS}
    found = [path for path in files if os.path.splitext(path)[1].lower() in suffixes]
    if len(found) < len(files):
        logging.warning("%s: %d files left out, not named as images are", folder, len(files) - len(found))
    return found
