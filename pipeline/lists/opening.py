"""Opens a list in a given format, and finds the folder that its paths are relative to."""

import functools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.line_list import LineList
from densenet_ocr.pipeline.lists.json_document import JsonDocument
from densenet_ocr.pipeline.lists.list_file import Lines, ListFile, PaddleList, RowList
from densenet_ocr.pipeline.lists.objects import ColumnList, Columns, CsvDialect, parse_csv, parse_json
from densenet_ocr.pipeline.lists.rows import IDS, MIXED, PADDLE, PARSERS, SPACE, TEXT
from densenet_ocr.pipeline.lists.text_folder import TextFolder

AUTO, CSV, JSONL, JSON, GT_TXT = "auto", "csv", "jsonl", "json", "gt_txt"
FORMATS = (AUTO, IDS, TEXT, SPACE, CSV, JSONL, JSON, GT_TXT, PADDLE, MIXED)

# Formats whose rows need nothing else of their file.
LINE_FORMATS = (IDS, TEXT, SPACE, MIXED, JSONL)


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


def check_columns(formats: Iterable[ListFormat], columns: Columns) -> None:
    """Raises UserError for names of columns if no list has columns."""
    names = sorted({one.name for one in formats})
    if any(columns) and not {CSV, JSONL, JSON}.intersection(names):
        raise UserError(
            "--path_column and --text_column",
            received=f"{columns.path or columns.text!r} for a list of the format {', '.join(names)}",
            expected="a list in csv, json or jsonl, whose columns they name",
            remedy="Remove them, or name the format with --list_format.",
        )


def find_root(paths: Sequence[str], image_root: str) -> str:
    """Returns the image root, by default the folder of the lists, and logs that.

    Args:
      paths: The lists; one that is a folder is its own folder.
      image_root: --image_root, or "".

    Raises:
      UserError: there is no such folder, or lists lie in several.
    """
    if not image_root:
        return _find_folder(paths)
    # A web server lists no folders: whether there is one shows with the first image.
    if not storage.is_folder(image_root) and not storage.is_web(image_root):
        raise UserError(
            f"image root {image_root}",
            received="no such folder",
            expected="the folder that the list's paths start from",
            remedy="Check --image_root.",
        )
    return image_root


def _find_folder(paths: Sequence[str]) -> str:
    folders = [path if storage.is_folder(path) else storage.parent(path) or "." for path in paths]
    if len(set(map(storage.absolute, folders))) != 1:
        raise UserError(
            "image root",
            received=f"lists in the folders {', '.join(dict.fromkeys(folders))}",
            expected="one folder that the paths in all lists are relative to",
            remedy="Set --image_root.",
        )
    logging.info("paths are relative to %s, the list's folder (--image_root)", folders[0])
    return folders[0]


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
        return JsonDocument(path, list_format.columns)
    lines = LineList(path)
    if name == PADDLE:
        return PaddleList(lines, encoding)
    if name == CSV:
        _, columns, header, dialect = list_format
        parse = functools.partial(parse_csv, columns=columns, header=header, dialect=dialect)
        return ColumnList(lines, parse, encoding, header_rows=1)
    return open_lines(lines, list_format, encoding)


def open_lines(lines: Lines, list_format: ListFormat, encoding: str) -> ListFile:
    """Returns rows, from wherever they are, as a list in one of LINE_FORMATS."""
    if list_format.name == JSONL:
        return ColumnList(lines, functools.partial(parse_json, columns=list_format.columns), encoding)
    return RowList(lines, PARSERS[list_format.name], encoding)
