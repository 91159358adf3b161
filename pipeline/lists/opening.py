"""Opens a list in a given format."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.line_list import LineList
from densenet_ocr.pipeline.lists.image_arrays import PaddleList
from densenet_ocr.pipeline.lists.json_document import JsonDocument
from densenet_ocr.pipeline.lists.list_file import Lines, ListFile, RowList
from densenet_ocr.pipeline.lists.objects import Columns, CsvDialect, CsvRows, JsonRows
from densenet_ocr.pipeline.lists.rows import (
    IDS,
    MIXED,
    PADDLE,
    SPACE,
    TEXT,
    IdRows,
    MixedRows,
    RowFormat,
    SpaceRows,
    TextRows,
)
from densenet_ocr.pipeline.lists.text_folder import TextFolder

AUTO, CSV, JSONL, JSON, GT_TXT = "auto", "csv", "jsonl", "json", "gt_txt"
FORMATS = (AUTO, IDS, TEXT, SPACE, CSV, JSONL, JSON, GT_TXT, PADDLE, MIXED)

# Formats whose rows need nothing else of their file.
LINE_FORMATS = (IDS, TEXT, SPACE, MIXED, JSONL)

_ROW_FORMATS: dict[str, Callable[[str], RowFormat]] = {
    IDS: IdRows,
    TEXT: TextRows,
    SPACE: SpaceRows,
    MIXED: MixedRows,
}


class ListFormat(NamedTuple):
    """What the entries of a list mean.

    Attributes:
      name: One of FORMATS, but AUTO.
      columns: Names of the columns of path and text; in json as --path_column and --text_column give them.
      header: Names of all columns of a CSV file.
      dialect: How its cells are written.
    """

    name: str
    columns: Columns = Columns("", "")
    header: tuple[str, ...] = ()
    dialect: CsvDialect = CsvDialect(",")


def check_columns(formats: Iterable[ListFormat], path_column: str, text_column: str) -> None:
    """Raises UserError for names of columns if no list has columns."""
    names = sorted({one.name for one in formats})
    if (path_column or text_column) and not {CSV, JSONL, JSON}.intersection(names):
        raise UserError(
            "--path_column and --text_column",
            received=f"{path_column or text_column!r} for a list of the format {', '.join(names)}",
            expected="a list in csv, json or jsonl, whose columns they name",
            remedy="Remove them, or name the format with --list_format.",
        )


def open_list(path: str, list_format: ListFormat, *, encoding: str, image_root: str) -> ListFile:
    """Opens a list.

    Args:
      path: A file, or with gt_txt a folder.
      list_format: What its entries mean.
      encoding: Its text encoding.
      image_root: The absolute folder that paths are relative to.

    Raises:
      UserError: it cannot be read, or is no list of that format.
    """
    name = list_format.name
    if name == GT_TXT:
        return TextFolder(path, image_root, encoding)
    if name == JSON:
        return JsonDocument(path, *list_format.columns)
    lines = LineList(path)
    if name == PADDLE:
        return PaddleList(lines, encoding)
    if name == CSV:
        rows = CsvRows(list_format.columns, list_format.header, list_format.dialect, encoding)
        return RowList(lines, rows, encoding=encoding, path_encoding="utf-8", header_rows=1)
    return open_lines(lines, list_format, encoding)


def open_lines(lines: Lines, list_format: ListFormat, encoding: str) -> ListFile:
    """Returns rows, from wherever they are, as a list in one of LINE_FORMATS."""
    if list_format.name == JSONL:
        return RowList(lines, JsonRows(list_format.columns, encoding), encoding=encoding, path_encoding="utf-8")
    return RowList(lines, _ROW_FORMATS[list_format.name](encoding), encoding=encoding, path_encoding=encoding)
