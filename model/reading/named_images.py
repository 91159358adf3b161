"""The images that a command names: by their paths, folders, globs, a list, or rows on standard input."""

import glob
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import PIL.Image
from absl import logging

from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.line_list import LineList, check_list_encoding, decode_text, resolve_path, split_row

STANDARD_INPUT = "-"


class NamedImage(NamedTuple):
    """An image as it was named, and its file or why it can have none."""

    name: str
    path: str | Refused


def find_images(words: Iterable[str], *, rows: Iterable[str] = ()) -> Iterator[NamedImage]:
    """The images that words name, in order: files, folders with all below them, globs, and `-` for `rows`."""
    for word in words:
        if word == STANDARD_INPUT:
            paths = [row for row in (row.rstrip("\r\n") for row in rows or ()) if row]
            if not paths:
                yield NamedImage(word, Refused("missing_image", "no path on standard input"))
        elif storage.is_folder(word):
            paths = _find_in_folder(word)
            if not paths:
                yield NamedImage(word, Refused("missing_image", "no image in this folder"))
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
    check_list_encoding(encoding)
    if not storage.is_folder(root):
        raise UserError(
            f"image root {image_root}",
            received="no such folder",
            expected="the folder that the list's paths start from",
            remedy="Check --image_root.",
        )
    offsets, numbers = lines.scan()
    if not len(offsets):
        yield NamedImage(path, Refused("missing_image", "no row in this list"))
    for offset, number in zip(offsets.tolist(), numbers.tolist(), strict=True):
        row = split_row(lines.row_at(offset))[0]
        try:
            key = decode_text(row, encoding)
            yield NamedImage(key, resolve_path(key, root))
        except Refused as refusal:
            yield NamedImage(f"{path}:{number}", refusal)


def _find_in_folder(folder: str) -> list[str]:
    files = list(_walk(folder, set()))
    suffixes = {suffix for suffix, kind in PIL.Image.registered_extensions().items() if kind in images.FORMATS}
    found = [path for path in files if os.path.splitext(path)[1].lower() in suffixes]
    found = [path for path in found if not os.path.basename(path).startswith(".")]
    if len(found) < len(files):
        others = len(files) - len(found)
        logging.warning("%s: %d files left out, hidden or not named as images are", folder, others)
    return found


def _walk(folder: str, seen: set[str]) -> Iterator[str]:
    """All files below a folder, in order; a folder that a link leads to again is not walked again."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    for name in storage.list_names(folder):
        path = storage.join(folder, name)
        if storage.is_folder(path):
            yield from _walk(path, seen)
        else:
            yield path
