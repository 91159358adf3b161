"""A list as its readers see it, and lists whose entries are rows of a text file."""

import json
from collections.abc import Callable
from typing import Protocol

import numpy as np

from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.line_list import decode_text, find_path
from densenet_ocr.pipeline.lists.rows import Entry, make_entry, parse_text

# An offset has the number of the image within its row in these bits; a list has less than 2**48 bytes.
_NUMBER = 48
_BYTES = (1 << _NUMBER) - 1


class ListFile(Protocol):
    """An open list: entries by the offsets that `scan` gives.

    Attributes:
      path_encoding: Encoding of what `find_path` returns.
    """

    path_encoding: str

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns offset and line (or number) of each entry, int64 [entries] each, in the list's order."""

    def find_path(self, offset: int) -> bytes:
        """Returns the path of an entry, without a check."""

    def find_line(self, offset: int) -> bytes:
        """Returns what identifies the line of an entry: its path, or what several images of a line share."""

    def parse(self, offset: int) -> Entry:
        """Returns what an entry says; raises Refused."""

    def show(self, offset: int) -> str:
        """Returns an entry as the list has it, for messages."""

    def sha256(self) -> str:
        """Returns the SHA-256 of all that the list says, as hexadecimal digits."""


def find_label(entries: ListFile, offset: int) -> str | list[bytes] | None:
    """Returns the label of an entry: a text, ids as rows of the charset, or None if the entry is refused."""
    try:
        entry = entries.parse(offset)
    except Refused:
        return None
    return entry.ids if entry.text is None else entry.text


class Lines(Protocol):
    """Random access to the rows of a text file."""

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns offset and line of each row that is not blank, int64 [rows] each."""

    def row_at(self, offset: int) -> bytes:
        """Returns the row at an offset, without its line ending."""

    def sha256(self) -> str:
        """Returns the SHA-256 of the file as hexadecimal digits."""


class RowList:
    """A list whose entries are rows of a text file, all in one format.

    Args:
      lines: The rows.
      parse: Returns what a row says, by the row and its encoding; raises Refused for a row of another kind.
      encoding: Encoding of the rows.
    """

    def __init__(self, lines: Lines, parse: Callable[[bytes, str], Entry], encoding: str):
        self._lines, self._parse, self._encoding = lines, parse, encoding
        self.path_encoding = encoding

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """See ListFile."""
        return self._lines.scan()

    def find_path(self, offset: int) -> bytes:
        """See ListFile."""
        return find_path(self._lines.row_at(offset))

    def find_line(self, offset: int) -> bytes:
        """See ListFile."""
        return self.find_path(offset)

    def parse(self, offset: int) -> Entry:
        """See ListFile."""
        return self._parse(self._lines.row_at(offset), self._encoding)

    def show(self, offset: int) -> str:
        """See ListFile."""
        return self._lines.row_at(offset).decode(self._encoding, "backslashreplace")

    def sha256(self) -> str:
        """See ListFile."""
        return self._lines.sha256()


class PaddleList(RowList):
    """A list of PaddleOCR, in which a row may have several images of one text: ["path", "path"]<TAB>text."""

    def __init__(self, lines: Lines, encoding: str):
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
