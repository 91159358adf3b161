"""PaddleOCR's lists, in which a row may have several images of one text: ["path", "path"]<TAB>text."""

import json

import numpy as np

from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.line_list import LineList, decode_text
from densenet_ocr.pipeline.lists.list_file import RowList
from densenet_ocr.pipeline.lists.objects import make_entry
from densenet_ocr.pipeline.lists.rows import Entry, parse_text

# An offset has the number of the image within its row in these bits; a list has less than 2**48 bytes.
_NUMBER = 48
_BYTES = (1 << _NUMBER) - 1


class PaddleList(RowList):
    """A list of `path<TAB>text`, with an entry for each image."""

    def __init__(self, lines: LineList, encoding: str):
        super().__init__(lines, parse_text, encoding)

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """See ListFile."""
        offsets, lines = super().scan()
        counts = np.array([len(self._list_images(offset)) or 1 for offset in offsets.tolist()], np.int64)
        numbers = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(offsets, counts) + (numbers << _NUMBER), np.repeat(lines, counts)

    def find_path(self, offset: int) -> bytes:
        """See ListFile."""
        images = self._list_images(offset)
        if not images:
            return super().find_path(offset & _BYTES)
        return images[offset >> _NUMBER].encode(self.path_encoding, "backslashreplace")

    def parse(self, offset: int) -> Entry:
        """See ListFile."""
        entry = super().parse(offset & _BYTES)
        if entry.path[:1] != "[":
            return entry
        images = self._list_images(offset)
        if not images:
            raise Refused("bad_path", f"{entry.path!r} is not a JSON array of paths")
        return make_entry(images[offset >> _NUMBER], entry.text or "")._replace(hint=entry.hint)

    def show(self, offset: int) -> str:
        """See ListFile."""
        return super().show(offset & _BYTES)

    def _list_images(self, offset: int) -> list[str]:
        """Returns the paths of a row's JSON array; none where it has none."""
        path = super().find_path(offset & _BYTES)
        if path[:1] != b"[":
            return []
        try:
            images = json.loads(decode_text(path, self.path_encoding))
        except (ValueError, RecursionError, Refused):
            return []
        fits = isinstance(images, list) and all(isinstance(image, str) for image in images)
        return images if fits else []
