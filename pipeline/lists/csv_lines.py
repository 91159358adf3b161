"""The rows of a CSV file, whose quoted cells may have line ends."""

import csv
from collections.abc import Iterator

import numpy as np

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.line_list import LineList

# One character per byte: delimiters, quotes and line ends are the same bytes in all encodings of lists.
_BYTES = "latin-1"


class CsvLines:
    """The rows after the header, by byte offset; see list_file.Lines."""

    def __init__(self, lines: LineList, delimiter: str):
        self._lines, self._delimiter = lines, delimiter
        self._has_quotes = lines.find(b'"') >= 0

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """See Lines; raises UserError for quotes that do not end."""
        if self._has_quotes:
            found = np.array([*self._find_rows()], np.int64).reshape(-1, 2)
            offsets, lines = found[:, 0], found[:, 1]
        else:
            offsets, lines = self._lines.scan()
        return offsets[1:], lines[1:]

    def row_at(self, offset: int) -> bytes:
        """See Lines."""
        if not self._has_quotes:
            return self._lines.row_at(offset)
        taken: list[bytes] = []
        next(csv.reader(self._take(offset, taken), delimiter=self._delimiter))
        return b"".join(taken).rstrip(b"\r\n")

    def sha256(self) -> str:
        """See Lines."""
        return self._lines.sha256()

    def _find_rows(self) -> Iterator[tuple[int, int]]:
        """Yields offset and first line of each row, the header's too."""
        offset, line = self._lines.start, 1
        taken: list[bytes] = []
        reader = csv.reader(self._take(offset, taken), delimiter=self._delimiter)
        try:
            for cells in reader:
                if len(cells) > 1 or "".join(cells).strip():
                    yield offset, line
                offset, line = offset + len(b"".join(taken)), line + len(taken)
                taken.clear()
        except csv.Error as error:
            raise UserError(
                f"list {self._lines.path}:{line}",
                received=f"a row of a CSV file that does not end: {error}",
                expected="quotes in pairs",
                remedy="Close the quotes, or double those that belong to a text.",
            ) from None

    def _take(self, offset: int, taken: list[bytes]) -> Iterator[str]:
        """Yields the lines from an offset on, and notes their bytes."""
        for line in self._lines.read_lines(offset):
            taken.append(line)
            yield line.decode(_BYTES)
