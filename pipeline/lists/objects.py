"""Rows with named columns: JSON objects and CSV rows, of which one column is the path and one the text."""

import csv
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.line_list import decode_text
from densenet_ocr.pipeline.lists.list_file import Lines, RowList
from densenet_ocr.pipeline.lists.rows import Entry, make_entry

# EasyOCR has filename and words, MMOCR filename and text, Hugging Face file_name and text.
PATH_COLUMNS = ("filename", "file_name", "file", "img_path", "image_path", "path", "img", "image")
TEXT_COLUMNS = ("text", "label", "words", "transcription", "ground_truth", "gt")


class Columns(NamedTuple):
    """Names of the column of the path and of the column of the text."""

    path: str
    text: str

    def pick(self, values: dict[str, Any]) -> tuple[str, str]:
        """Returns path and text of a row; raises Refused (`bad_row`, `no_label`) where it lacks one."""
        for name in self:
            if name not in values:
                names = ", ".join(map(repr, values)) or "none"
                raise Refused(
                    "bad_row", f"no column {name!r}, but {names}; see --path_column and --text_column"
                )
            if not isinstance(values[name], str):
                raise Refused("bad_row", f"column {name!r} is {json.dumps(values[name])[:40]}, not a text")
        return values[self.path], values[self.text]


class CsvDialect(NamedTuple):
    """How the cells of a CSV file are written.

    Attributes:
      delimiter: One character between two cells.
      skips_spaces: Whether spaces before a cell belong to the file, not to the cell.
    """

    delimiter: str
    skips_spaces: bool = False

    def split(self, row: str) -> list[str]:
        """Returns the cells of a row; raises Refused (`bad_row`) for quotes that RFC 4180 does not have."""
        if '"' in row and not self._pattern().fullmatch(row):
            raise Refused("bad_row", _BAD_QUOTE)
        try:
            (cells,) = csv.reader(
                [row], delimiter=self.delimiter, skipinitialspace=self.skips_spaces, strict=True
            )
        except csv.Error as error:
            raise Refused("bad_row", f"not a row of a CSV file: {error}") from None
        return cells

    def _pattern(self) -> re.Pattern[str]:
        """Returns what fits rows whose quotes enclose a cell, or are doubled within such a cell."""
        cell = f'{" *" if self.skips_spaces else ""}"(?:[^"]|"")*+"|[^"{self.delimiter}]*+'
        return re.compile(f"(?:{cell})(?:{self.delimiter}(?:{cell}))*+")


_BAD_QUOTE = (
    "a quote that does not enclose a cell of its row; enclose the whole text in quotes, and double those "
    'within, such as "a ""quoted"" word"'
)


class ColumnList(RowList):
    """A list whose rows have named columns; the first ones may be a header. Its paths are UTF-8."""

    def __init__(
        self, lines: Lines, parse: Callable[[bytes, str], Entry], encoding: str, *, header_rows: int = 0
    ):
        super().__init__(lines, parse, encoding)
        self._header_rows, self.path_encoding = header_rows, "utf-8"

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """See ListFile."""
        offsets, lines = super().scan()
        return offsets[self._header_rows :], lines[self._header_rows :]

    def find_path(self, offset: int) -> bytes:
        """See ListFile; the whole row if it has no path."""
        try:
            return self.parse(offset).path.encode("utf-8", "surrogatepass")
        except Refused:
            return self._lines.row_at(offset)


def parse_json(row: bytes, encoding: str, columns: Columns) -> Entry:
    """Reads a JSON object; raises Refused for other rows."""
    return make_entry(*columns.pick(load_object(decode_text(row, encoding))))


def parse_csv(
    row: bytes, encoding: str, columns: Columns, header: tuple[str, ...], dialect: CsvDialect
) -> Entry:
    """Reads a row of a CSV file, with the names of its columns; a cell ends where its row ends."""
    cells = dialect.split(decode_text(row, encoding))
    if len(cells) != len(header):
        more = "; quote a text that has the delimiter" if len(cells) > len(header) else ""
        raise Refused("bad_row", f"{len(cells)} cells under {len(header)} columns{more}")
    return make_entry(*columns.pick(dict(zip(header, cells, strict=True))))


def match_columns(names: Iterable[str], given: Columns) -> list[list[str]]:
    """Returns the names that the column of the path may have, and those that the column of the text may have.

    Args:
      names: Names of columns.
      given: --path_column and --text_column, or "" for the usual names.
    """
    meant = zip(given, (PATH_COLUMNS, TEXT_COLUMNS), strict=True)
    return [[name for name in names if (name == one if one else name.lower() in known)] for one, known in meant]


def find_columns(subject: str, names: Iterable[str], given: Columns) -> Columns:
    """Finds the columns of path and text among the names of all columns.

    Args:
      subject: The list, for messages.
      names: The names that the list has.
      given: --path_column and --text_column, or "".

    Raises:
      UserError: no column, or more than one, has such a name.
    """
    names = list(names)
    found = match_columns(names, given)
    usual = (PATH_COLUMNS, TEXT_COLUMNS)
    for field, matches, one, known in zip(Columns._fields, found, given, usual, strict=True):
        if len(matches) != 1:
            raise UserError(
                subject,
                received=f"the columns {', '.join(names) or 'none'}",
                expected=one or f"one of {', '.join(known)}",
                remedy=f"Name the column with --{field}_column.",
            )
    return Columns(*(matches[0] for matches in found))


def load_object(text: str) -> dict[str, Any]:
    """Returns a JSON object; raises Refused (`bad_row`) for other text, and for repeated keys."""
    try:
        values = json.loads(text, object_pairs_hook=_refuse_repeated)
    except (ValueError, RecursionError) as error:
        raise Refused("bad_row", f"not JSON: {error}") from None
    if not isinstance(values, dict):
        raise Refused("bad_row", "not a JSON object")
    return values


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a repeated key")
    return values
