"""A folder of images with their texts beside them: line.png and line.gt.txt (tesstrain, Calamari, Kraken)."""

import hashlib
import os
import re
from collections.abc import Iterator

import numpy as np

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.line_list import decode_text
from densenet_ocr.pipeline.lists.rows import Entry

AT_ONCE = 64  # texts of a store that are read together

_TEXT = ".gt.txt"
# OCRopus and Calamari name binarised and normalised images of a line in this way.
_IMAGE = re.compile(
    r"(\.(bin|nrm|dew))?\.(png|jpe?g|tiff?|bmp|gif|webp|pbm|pgm|ppm|pnm|jp2|avif|heic)", re.IGNORECASE
)


class TextFolder:
    """Entries by their number from 1: each image, and each text without one; see list_file.ListFile.

    Raises:
      UserError: the folder has no text, or a folder in it cannot be read.
    """

    def __init__(self, folder: str, root: str, encoding: str):
        self._folder, self._encoding, self.path_encoding = folder, encoding, "utf-8"
        self._root = os.path.relpath(folder, root)
        self._pairs = sorted(_pair_files(folder))
        if not any(text for _, text in self._pairs):
            raise UserError(
                f"list {folder}",
                received=f"a folder without a file *{_TEXT}",
                expected="a folder of images with their texts beside them, or a list file",
                remedy="Check --list; an LMDB is given as --lmdb.",
            )

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """See ListFile."""
        numbers = np.arange(1, len(self._pairs) + 1)
        return numbers, numbers

    def find_path(self, offset: int) -> bytes:
        """See ListFile."""
        return self.show(offset).encode(self.path_encoding, "surrogateescape")

    def find_line(self, offset: int) -> bytes:
        """See ListFile; images of one text show one line."""
        image, text = self._pairs[offset - 1]
        return self._name(text or image).encode(self.path_encoding, "surrogateescape")

    def parse(self, offset: int) -> Entry:
        """See ListFile."""
        image, text = self._pairs[offset - 1]
        if not text:
            raise Refused("no_label", f"no {os.path.splitext(image)[0]}{_TEXT} beside the image")
        if not image:
            raise Refused("missing_image", f"no image beside {text}")
        label = decode_text(storage.read_bytes(storage.join(self._folder, text)), self._encoding)
        return Entry(self._name(image), label.removeprefix("\ufeff").rstrip("\r\n"), [])

    def show(self, offset: int) -> str:
        """See ListFile."""
        image, text = self._pairs[offset - 1]
        return self._name(image or text)

    def sha256(self) -> str:
        """See ListFile."""
        digest = hashlib.sha256()
        is_local = not storage.is_url(self._folder)
        texts = storage.map_many(self._read_text, self._pairs, AT_ONCE, run_here=lambda _: is_local)
        for (image, text), data in zip(self._pairs, texts, strict=True):
            digest.update(f"{image}\0{text}\0{len(data)}\0".encode("utf-8", "surrogateescape") + data)
        return digest.hexdigest()

    def _read_text(self, pair: tuple[str, str]) -> bytes:
        return storage.read_bytes(storage.join(self._folder, pair[1])) if pair[1] else b""

    def _name(self, name: str) -> str:
        return os.path.normpath(os.path.join(self._root, name))


def _pair_files(folder: str) -> Iterator[tuple[str, str]]:
    """Yields names of image and text, "" for none, of each image and of each text without one."""
    for local, names in _walk_store(folder) if storage.is_url(folder) else _walk(folder):
        stems = {name.removesuffix(_TEXT) for name in names if name.endswith(_TEXT)}
        images = [(name, stem) for name in names if (stem := _find_stem(name, stems)) is not None]
        unpaired = stems - {stem for _, stem in images}
        for name, stem in [*images, *(("", stem) for stem in unpaired)]:
            image = os.path.normpath(os.path.join(local, name)) if name else ""
            yield image, os.path.normpath(os.path.join(local, stem + _TEXT)) if stem in stems else ""


def _walk(folder: str) -> Iterator[tuple[str, list[str]]]:
    """Yields each folder, relative to the first, and the names of its files.

    A folder that links lead to again is left out.
    """
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True, onerror=_refuse_folder):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield os.path.relpath(place, folder), names


def _walk_store(folder: str) -> Iterator[tuple[str, list[str]]]:
    names: dict[str, list[str]] = {}
    for path in storage.list_files(folder):
        place, _, name = path.rpartition("/")
        names.setdefault(place or os.curdir, []).append(name)
    yield from names.items()


def _refuse_folder(error: OSError) -> None:
    raise UserError(
        f"list {error.filename}",
        received=error.strerror or str(error),
        expected="a readable folder",
        remedy="Check --list and the permissions of the folders below it.",
    )


def _find_stem(name: str, stems: set[str]) -> str | None:
    """Returns an image's name without its suffix, by which a text is found; None for another file."""
    for start in (i for i, character in enumerate(name) if character == "." and i):
        if _IMAGE.fullmatch(name, start) and (name[:start] in stems or name.rfind(".") == start):
            return name[:start]
    return None
