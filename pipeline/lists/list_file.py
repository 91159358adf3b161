"""A list as its readers see it, and lists whose entries are rows of a text file."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.line_list import find_path
from densenet_ocr.pipeline.lists.rows import Entry


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
