"""Formats of a list's row: what a row of a text file says.

A format reads the rows of its own kind and refuses all others, so that no row is read in two ways.
"""

import json
from typing import NamedTuple

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.line_list import BLANKS, Line, decode_text, encode_text, split_row

IDS, TEXT, SPACE, MIXED, PADDLE = "ids", "text", "space", "mixed", "paddle"

# How messages show a row of each format.
SHAPES = {
    IDS: "path id id ...",
    TEXT: "path<TAB>text",
    SPACE: "path, a space, text",
    MIXED: "path<TAB>text or path id id ...",
    PADDLE: 'path<TAB>text or ["path", "path"]<TAB>text',
}
_NO_LABEL = "nothing follows the path"


class Entry(NamedTuple):
    """What a row says.

    Attributes:
      path: The path as the list has it.
      text: The label; None where `ids` has it.
      ids: The label as rows of the charset file, decimal digits.
      hint: How the row is read, for a refusal of its label.
    """

    path: str
    text: str | None
    ids: list[bytes]
    hint: str = ""


def parse_ids(row: bytes, encoding: str) -> Entry:
    """Reads `path id id ...`, where ids are rows of the charset file, from 1; raises Refused for other rows."""
    path, text, ids = split_row(row)
    if text is not None and text.strip(BLANKS):
        raise Refused("bad_id", f"a tab; {_name_format(IDS)}")
    return Entry(decode_path(path, encoding), None, ids, _name_format(IDS))


def parse_text(row: bytes, encoding: str) -> Entry:
    """Reads `path<TAB>text`; raises Refused for other rows."""
    path, text, ids = split_row(row)
    if text is None:
        raise Refused("no_label", f"{'no tab' if ids else _NO_LABEL}; {_name_format(TEXT)}")
    label = _check_text(decode_text(text, encoding))
    return Entry(decode_path(path, encoding), label, [], _name_format(TEXT))


def parse_space(row: bytes, encoding: str) -> Entry:
    """Reads `path text`, where the path ends at the first space; raises Refused for other rows."""
    path, _, text = row.lstrip(BLANKS).rstrip(b"\r\n").partition(b" ")
    if b"\t" in path or b"\t" in text.rstrip(BLANKS):
        raise Refused("bad_row", f"a tab; {_name_format(SPACE)}")
    if text[:1] == b" " and text.strip(BLANKS):
        raise Refused("bad_row", f"two spaces after the path; {_name_format(SPACE)}")
    if not text.strip(BLANKS):
        raise Refused("no_label", f"{_NO_LABEL}; {_name_format(SPACE)}")
    return Entry(decode_path(path, encoding), decode_text(text, encoding), [])


def parse_mixed(row: bytes, encoding: str) -> Entry:
    """Reads each row by itself: text follows a tab, else ids follow the path."""
    path, text, ids = split_row(row)
    label = None if text is None else _check_text(decode_text(text, encoding))
    return Entry(decode_path(path, encoding), label, ids)


PARSERS = {IDS: parse_ids, TEXT: parse_text, SPACE: parse_space, MIXED: parse_mixed}


def encode_entry(entry: Entry, charset: Charset) -> Line:
    """Returns the path and class ids of what a row says.

    Raises:
      Refused: `bad_id`, `unknown_character` or `no_label`.
    """
    try:
        label = charset.encode_rows(entry.ids) if entry.text is None else encode_text(entry.text, charset)
        if not label:
            raise Refused("no_label", _NO_LABEL)
    except Refused as refusal:
        if entry.hint and refusal.reason in ("bad_id", "no_label"):
            raise Refused(refusal.reason, f"{refusal.detail}; {entry.hint}") from None
        raise
    return Line(entry.path, label)


def make_entry(path: str, text: str) -> Entry:
    """Returns path and text as an entry; raises Refused (`bad_path`, `bad_row`)."""
    if not path or "\0" in path or any("\ud800" <= character <= "\udfff" for character in path):
        raise Refused("bad_path", f"no file can have the path {path!r}")
    if _is_document(text):
        raise Refused("bad_row", "a JSON document in place of a text, such as Donut's; take the text out of it")
    return Entry(path, text, [])


def _is_document(text: str) -> bool:
    """Returns whether a text is a JSON object with members, or an array of objects."""
    if text[:1] + text[-1:] not in ("{}", "[]"):
        return False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and bool(first)


def _name_format(name: str) -> str:
    """Says, for a refusal, as what the rows of a list are read, and which flag changes it."""
    return f"rows are read as `{SHAPES[name]}`, by --list_format={name}"


def decode_path(path: bytes, encoding: str) -> str:
    """Returns a path as text; raises Refused (`bad_encoding`, `bad_path`)."""
    key = decode_text(path, encoding)
    if "\0" in key:
        raise Refused("bad_path", f"path {key!r} holds a NUL character")
    return key


def _check_text(text: str) -> str:
    """Returns the text; raises Refused for the annotation of a page in its place."""
    if text.startswith('[{"') and '"points"' in text:
        raise Refused(
            "bad_row",
            "PaddleOCR's text detection: the lines of a page; cut them out into images first",
        )
    return text
