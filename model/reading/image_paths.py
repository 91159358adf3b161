"""Paths of the images that a command names: files, folders, globs, lists, or paths on standard input."""

import glob
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import PIL.Image
from absl import logging

from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.line_list import check_list_encoding, resolve_path
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.lists.detection import find_format
from densenet_ocr.pipeline.lists.opening import check_columns, find_root, open_list
from densenet_ocr.pipeline.lists.rows import decode_path

STANDARD_INPUT = "-"


class NamedImage(NamedTuple):
    """An image as the user named it, and the path of its file or why it has none."""

    name: str
    path: str | Refused


def find_images(words: Iterable[str], *, rows: Iterable[str] | None = ()) -> Iterator[NamedImage]:
    """Finds the images that arguments name.

    Args:
      words: Files, folders (all images below them) and globs, as paths or URLs, and `-` for `rows`. A web
        server has no folders or globs.
      rows: Paths, one a row, as standard input has them; None if it is closed.

    Yields:
      The images in order; a refusal for an argument that names none.
    """
    for word in words:
        paths, missing = _expand(word, rows or ())
        if not paths:
            yield NamedImage(word, Refused("missing_image", missing))
        yield from (NamedImage(path, path) for path in paths)


def read_list(path: str, config: ListConfig) -> Iterator[NamedImage]:
    """Reads the paths of a list (see pipeline.lists) and ignores its labels.

    Args:
      path: The list.
      config: How it is read.

    Yields:
      The image of each row, or a refusal named by the row's file:line.

    Raises:
      UserError: there is no such folder or encoding, or the list cannot be read.
    """
    check_list_encoding(config.list_encoding)
    root = storage.absolute(find_root([path], config.image_root))
    list_format = find_format(path, config, None, labels=False)
    check_columns([list_format], config.columns)
    entries = open_list(path, list_format, encoding=config.list_encoding, image_root=root)
    offsets, numbers = entries.scan()
    if not len(offsets):
        yield NamedImage(path, Refused("missing_image", "no row in this list"))
    for offset, number in zip(offsets.tolist(), numbers.tolist(), strict=True):
        try:
            key = decode_path(entries.find_path(offset), entries.path_encoding)
            yield NamedImage(key, resolve_path(key, root))
        except Refused as refusal:
            yield NamedImage(f"{path}:{number}", refusal)


def _expand(word: str, rows: Iterable[str]) -> tuple[list[str], str]:
    """Paths that an argument names, and what to say if there are none."""
    if word == STANDARD_INPUT:
        return [row for row in (row.rstrip("\r\n") for row in rows) if row], "no path on standard input"
    # A URL that ends as an image does is one: looking for a folder takes a request, and the right to list.
    if storage.is_web(word) or (storage.is_url(word) and not glob.has_magic(word) and _is_image_name(word)):
        return [word], ""
    if storage.is_folder(word):
        return _find_in_folder(word), "no image in this folder"
    if glob.has_magic(word) and not storage.exists(word):
        return storage.find(word), "no file matches it"
    return [word], ""


def _find_in_folder(folder: str) -> list[str]:
    """Images below a folder, by suffix and without hidden files; logs how many others there are."""
    if storage.is_url(folder):
        files = [storage.join(folder, name) for name in storage.list_files(folder)]
    else:
        files = list(_walk(folder, set()))
    found = [path for path in files if _is_image_name(path) and not os.path.basename(path).startswith(".")]
    if len(found) < len(files):
        others = len(files) - len(found)
        logging.warning("%s: skipped %d files, hidden or without the suffix of an image", folder, others)
    return found


def _is_image_name(path: str) -> bool:
    """Whether a path has the suffix of a format that is read."""
    return PIL.Image.registered_extensions().get(os.path.splitext(path)[1].lower()) in images.FORMATS


def _walk(folder: str, seen: set[str]) -> Iterator[str]:
    """All files below a local folder in order; visits each real folder once, so links cannot loop."""
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
