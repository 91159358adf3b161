"""Decides what the entries of a list mean, once for the whole list.

A format fits a row if the row can be read in it. The chosen format is the only one that enough rows fit; a list
that could be read in two ways is refused, and the user names its format.
"""

import collections
import re
from typing import NamedTuple

import numpy as np
from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.line_list import BLANKS, LineList, decode_text, split_row
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.lists.list_file import Lines
from densenet_ocr.pipeline.lists.objects import (
    Columns,
    CsvDialect,
    find_columns,
    load_object,
    match_columns,
)
from densenet_ocr.pipeline.lists.opening import AUTO, CSV, GT_TXT, JSON, JSONL, ListFormat
from densenet_ocr.pipeline.lists.rows import IDS, MIXED, PADDLE, SHAPES, SPACE, TEXT

# So many rows, evenly spaced, decide for a longer list; they take half a second.
_MAX_ROWS = 100_000

# A format is chosen if at least the first share of the rows fit no other one, and at most the second fit only
# another one. A row with a tab cannot be misread. A number, such as 2018, may be an id or a text, so damaged
# rows would have to be a third of a list to change its format.
_MIN_SHARE, _MAX_OTHERS = 1 / 3, 1 / 4
_MAX_NUMBERS = 1 / 20  # rows of numbers that are no ids: such a list may be one of texts

# A row without a tab; a row with one before its last word.
_WITHOUT_TAB = re.compile(rb"^[^\t\n]++$", re.MULTILINE)
_WITH_TAB = re.compile(rb"\t[^\n]*[^\t\r\n ]")

_MEMBER = re.compile(rb'"[^"]*": ?"')  # of a JSON object with a row for each member
_DELIMITERS = (",", "\t", ";")
_HEADER_ROWS = 100  # JSON objects that show the names of columns


class _Sample(NamedTuple):
    """Rows of a list that decide what it is, and the count of all."""

    path: str
    rows: list[bytes]
    total: int


def find_format(path: str, config: ListConfig, charset: Charset | None, *, labels: bool = True) -> ListFormat:
    """Returns what the entries of a list mean, and logs it.

    Args:
      path: The list.
      config: --list_format and the names of columns.
      charset: Characters of the labels; None where they are not known.
      labels: Whether labels are read; paths are the same in ids, text and space.

    Raises:
      UserError: the list may be read in two ways, or lacks the columns.
    """
    if config.list_format == AUTO and storage.is_folder(path):
        logging.info("%s: --list_format=%s, a folder", path, GT_TXT)
        return ListFormat(GT_TXT)
    if config.list_format not in (AUTO, CSV, JSONL):
        return ListFormat(config.list_format, config.columns)
    return find_row_format(path, LineList(path), config, charset, labels=labels)


def find_row_format(
    path: str, lines: Lines, config: ListConfig, charset: Charset | None, *, labels: bool = True
) -> ListFormat:
    """Returns what the rows of a list mean, and logs it; otherwise as `find_format`."""
    sample = _read_sample(path, lines)
    name = config.list_format
    if name == AUTO:
        name, reason = _find_name(sample, config, charset, labels)
        logging.info("%s: --list_format=%s, %s", path, name, reason)
    if name == CSV:
        return _read_header(sample, config)
    return ListFormat(name, _find_json_columns(sample, config) if name == JSONL else config.columns)


def _read_sample(path: str, lines: Lines) -> _Sample:
    offsets, _ = lines.scan()
    chosen = np.linspace(0, len(offsets) - 1, min(len(offsets), _MAX_ROWS)).astype(np.int64)
    return _Sample(path, [lines.row_at(offset) for offset in offsets[chosen].tolist()], len(offsets))


def _find_name(sample: _Sample, config: ListConfig, charset: Charset | None, labels: bool) -> tuple[str, str]:
    """Returns the name of a list's format, and by what."""
    rows = [row.strip(BLANKS) for row in sample.rows]
    if not rows:
        return TEXT, "no rows"
    objects = sum(row[:1] == b"{" and row[-1:] == b"}" for row in rows)
    commas = sum(row[:1] == b"{" and row[-2:] == b"}," for row in rows)
    if commas * 2 >= len(rows) and rows[0][-1:] == b"," and _list_names(rows[0][:-1]):
        raise UserError(
            f"list {sample.path}",
            received=f"a comma after each JSON object, such as {_show(rows[0])}",
            expected="JSON objects alone in their rows, or one JSON array of them",
            remedy="Remove the commas at the ends of rows, or put [ before the first row and ] after the last.",
        )
    if _is_document(rows, objects, config):
        return JSON, "one JSON document"
    if objects * 2 > len(rows):
        return JSONL, f"JSON objects, by {_count(objects, sample)}"
    delimiter = _find_delimiter(rows[0], config).encode()
    if delimiter and _is_common(delimiter, rows):
        return CSV, f"by the header {_show(rows[0])}"
    arrays = sum(row.startswith(b'["') and b"]\t" in row for row in rows)
    if arrays and _is_common(b"\t", rows):
        return PADDLE, f"JSON arrays of paths, in {_count(arrays, sample)}"
    return _choose(sample, charset) if labels else (MIXED, "for paths alone")


def _is_document(rows: list[bytes], objects: int, config: ListConfig) -> bool:
    """Returns whether rows are those of one JSON document; a document of one row may be an object of JSONL."""
    if rows[0][:1] + rows[-1][-1:] not in (b"{}", b"[]") or _is_common(b"\t", rows):
        return sum(bool(_MEMBER.match(row)) for row in rows) * 2 > len(rows)
    if len(rows) > 1:
        return objects * 2 <= len(rows)
    return not all(match_columns(_list_names(rows[0]), config.columns))


def _is_common(part: bytes, rows: list[bytes]) -> bool:
    return sum(part in row for row in rows) * 2 > len(rows)


def _list_names(row: bytes) -> set[str]:
    """Returns the names in a JSON object; none where a row is none."""
    try:
        return set(load_object(decode_text(row, "utf-8")))
    except Refused:
        return set()


def _find_delimiter(row: bytes, config: ListConfig) -> str:
    """Returns what parts the cells of a header; "" where a row is no header."""
    for delimiter in _DELIMITERS:
        if all(match_columns(_split_header(row, delimiter, config.list_encoding), config.columns)):
            return delimiter
    return ""


def _split_header(row: bytes, delimiter: str, encoding: str) -> tuple[str, ...]:
    try:
        cells = CsvDialect(delimiter, skips_spaces=True).split(decode_text(row, encoding))
    except Refused:
        return ()
    return tuple(cell.strip() for cell in cells)


def _read_header(sample: _Sample, config: ListConfig) -> ListFormat:
    """Returns the format of a CSV file by its first row."""
    row = sample.rows[0].strip(BLANKS) if sample.rows else b""
    delimiter = max(_DELIMITERS, key=lambda delimiter: row.count(delimiter.encode()))
    header = _split_header(row, delimiter, config.list_encoding)
    columns = find_columns(f"list {sample.path}:1", header, config.columns)
    skips_spaces = all(cell[:1] == b" " for cell in row.split(delimiter.encode())[1:])
    return ListFormat(CSV, columns, header, CsvDialect(delimiter, skips_spaces))


def _find_json_columns(sample: _Sample, config: ListConfig) -> Columns:
    names = [name for row in sample.rows[:_HEADER_ROWS] for name in sorted(_list_names(row))]
    return find_columns(f"list {sample.path}", dict.fromkeys(names), config.columns)


def _choose(sample: _Sample, charset: Charset | None) -> tuple[str, str]:
    """Returns ids, text or space, whichever many rows fit alone, and by what; raises UserError if unclear."""
    fits = [_find_fits(row, charset) for row in sample.rows]
    counts = collections.Counter(fits)
    counts.pop(_NONE, None)
    alone = {name: counts[frozenset([name])] for name in (TEXT, IDS, SPACE)}
    best = max(alone, key=lambda name: alone[name])
    if not counts and _is_common(b",", sample.rows):
        raise UserError(
            f"list {sample.path}",
            received=f"commas and neither tabs nor spaces, such as {_show(sample.rows[0])}",
            expected="a CSV file with the names of its columns in its first row, such as filename,text",
            remedy="Add that row, or name what rows are with --list_format.",
        )
    total, against = counts.total(), sum(alone.values()) - alone[best]
    # Numbers that are no ids do not make a list one of texts: the charset may be another list's.
    numbers = 0 if best == SPACE else counts[_NUMBER]
    if total and (
        alone[best] < _MIN_SHARE * total or against > _MAX_OTHERS * total or numbers > _MAX_NUMBERS * total
    ):
        raise _refuse_to_guess(sample, fits, charset)
    return best, f"`{SHAPES[best]}`, by {_count(alone[best], sample)}"


# A row that no format fits; one whose numbers are no ids, but could be a text.
_NONE, _NUMBER = frozenset[str](), frozenset(["number"])


def _find_fits(row: bytes, charset: Charset | None) -> frozenset[str]:
    """Returns which of ids, text and space fit a row."""
    _, text, words = split_row(row)
    if text is not None:
        several = charset is not None and " " in charset and b" " in text
        return frozenset([TEXT, IDS]) if several and _are_ids(text.split(), charset) else frozenset([TEXT])
    if not words:
        return _NONE
    if not all(word.isdigit() for word in words):
        return frozenset([SPACE])
    if not charset:
        return frozenset([IDS, SPACE])
    digits = set(b"".join(words).decode())
    if not all(digit in charset for digit in digits) or (len(words) > 1 and " " not in charset):
        return frozenset([IDS])
    if not _are_ids(words, charset):
        return _NUMBER
    # Texts of nothing but several small numbers would be a strange list.
    return frozenset([IDS]) if len(words) > 1 else frozenset([IDS, SPACE])


def _are_ids(words: list[bytes], charset: Charset | None) -> bool:
    """Returns whether words are rows of the charset, as programs write them: without zeros in front."""
    try:
        return bool(charset and charset.encode_rows(words)) and not any(
            word[:1] == b"0" != word for word in words
        )
    except Refused:
        return False


def _refuse_to_guess(sample: _Sample, fits: list[frozenset[str]], charset: Charset | None) -> UserError:
    """An error that shows a row of each kind, and what it may mean."""
    shown = []
    for kind, count in collections.Counter(fits).most_common():
        if kind != _NONE:
            row = sample.rows[fits.index(kind)]
            shown.append(f"{count:,} rows such as {_show(row)}, {_describe(kind, row, charset)}")
    return UserError(
        f"list {sample.path}",
        received="; ".join(shown),
        expected="rows of one format, so that numbers are either ids or texts",
        remedy="Name what rows are: --list_format=ids, text or space. Rows of other formats are refused then; "
        "give them as a --list of their own. --list_format=mixed reads each row by itself, as 0.1 did.",
    )


def _describe(kind: frozenset[str], row: bytes, charset: Charset | None) -> str:
    """Says what a row may mean."""
    words = split_row(row)[2]
    if kind == frozenset([IDS, SPACE]) and charset:
        label = charset.decode(charset.encode_rows(words))
        return f"the ids of {label!r} (ids), or the text {b' '.join(words).decode()!r} (space)"
    if kind == _NUMBER:
        return "numbers that are no ids of this charset, or a text (space)"
    return f"{' or '.join(sorted(kind))}, {' or '.join(f'`{SHAPES[name]}`' for name in sorted(kind))}"


def _show(row: bytes) -> str:
    return repr(row[:80].decode("utf-8", "backslashreplace"))


def _count(rows: int, sample: _Sample) -> str:
    """Formats a count of a sample's rows."""
    looked_at = f" looked at, of {sample.total:,}" if len(sample.rows) < sample.total else ""
    return f"{rows:,} of {len(sample.rows):,} rows{looked_at}"


def reads_as_mixed(path: str, name: str) -> bool:
    """Returns whether a list of ids or text says the same when each row is read by itself, as 0.1 did."""
    if name == TEXT:
        return not any(row[0].strip(BLANKS) for row in LineList(path).search(_WITHOUT_TAB))
    return name == MIXED or (name == IDS and not any(LineList(path).search(_WITH_TAB)))
