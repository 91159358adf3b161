"""PaddleOCR's lists, in which a row may have several images of one text: ["path", "path"]<TAB>text."""

import json

import numpy as np

from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.line_list import LineList, decode_text
from densenet_ocr.pipeline.lists.objects import make_entry
from densenet_ocr.pipeline.lists.rows import Entry, TextRows

# An offset has the number of the image within its row in these bits; a list has less than 2**48 bytes.
_NUMBER = 48
_BYTES = (1 << _NUMBER) - 1


class PaddleList:
    """A list of `path<TAB>text`, with an entry for each image; see list_file.ListFile."""

    def __init__(self, lines: LineList, encoding: str):
        self._lines, self._format = lines, TextRows(encoding)
        self.path_encoding = encoding

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """See ListFile."""
        offsets, lines = self._lines.scan()
        counts = np.array([self._count_images(offset) for offset in offsets.tolist()], np.int64)
        numbers = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(offsets, counts) + (numbers << _NUMBER), np.repeat(lines, counts)

    def find_path(self, offset: int) -> bytes:
        """See ListFile."""
        path = self._format.find_path(self._lines.row_at(offset & _BYTES))
        images = _list_images(path, self.path_encoding)
        return images[offset >> _NUMBER].encode(self.path_encoding, "backslashreplace") if images else path

    find_line = find_path

    def parse(self, offset: int) -> Entry:
        """See ListFile."""
        row = self._lines.row_at(offset & _BYTES)
        entry = self._format.parse(row)
        if entry.path[:1] != "[":
            return entry
        images = _list_images(self._format.find_path(row), self.path_encoding)
        if not images:
            raise Refused("bad_path", f"{entry.path!r} is not a JSON array of paths")
        return make_entry(images[offset >> _NUMBER], entry.text or "")._replace(hint=entry.hint)

    def show(self, offset: int) -> str:
        """See ListFile."""
        return self._lines.row_at(offset & _BYTES).decode(self.path_encoding, "backslashreplace")

    def sha256(self) -> str:
        """See ListFile."""
        return self._lines.sha256()

    def _count_images(self, offset: int) -> int:
        path = self._format.find_path(self._lines.row_at(offset))
        return len(_list_images(path, self.path_encoding)) or 1


def _list_images(path: bytes, encoding: str) -> list[str]:
    """Returns the paths of a JSON array; none where it is not one."""
    if path[:1] != b"[":
        return []
    try:
        images = json.loads(decode_text(path, encoding))
    except (ValueError, RecursionError, Refused):
        return []
    fits = isinstance(images, list) and all(isinstance(image, str) for image in images)
    return images if fits else []
