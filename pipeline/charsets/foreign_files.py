"""Says what a charset file is that does not have one character per row, and how to make a charset of it.

Dictionaries of other tools are known by their form: one row of all characters (docTR, EasyOCR), a number beside
each character, tokens such as <unk>.
"""

import json
import re
import unicodedata
from collections.abc import Sequence

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.imaging.file_kinds import HEAD_BYTES, TEXTS, describe_file

_BLANK_WORD = re.compile(r"[<\[({|]?_?(ctc_?)?(blank|blk|epsilon)_?[>\])}|]?", re.IGNORECASE)
_TOKEN = re.compile(r"[<\[]/?\w+[>\]]")
# Dictionaries with a number in each row, and how sed takes it out.
_NUMBERED = (
    (re.compile(r".[ \t,:]+\d+"), "a character and a number", "s/[[:blank:],:]+[0-9]+$//"),
    (re.compile(r"\d+[ \t,:]+."), "a number and a character", "s/^[0-9]+[[:blank:],:]+//"),
)
_PADDED = re.compile(r"\S[ \t]+|[ \t]+\S")
BYTE_ORDER_MARK = "\ufeff"


def find_blank_row(rows: Sequence[str]) -> int | None:
    """Returns the index of the row that clearly stands for the blank: the first, the last, or None.

    A row is evident if it is a word for the blank, and row 0 also if no other row is not one character.
    """
    only = len(rows[0]) != 1 and all(len(row) == 1 for row in rows[1:])
    if only or _BLANK_WORD.fullmatch(rows[0]):
        return 0
    return len(rows) - 1 if _BLANK_WORD.fullmatch(rows[-1]) else None


def refuse_file(path: str, rows: Sequence[str], characters: Sequence[str]) -> None:
    """Raises UserError for a file of another kind.

    Args:
      path: The file.
      rows: All its rows.
      characters: Those that should be characters.
    """
    if all(len(row) == 1 for row in characters) and characters:
        return
    found = _recognise(rows, characters)
    if found:
        received, remedy = found
        raise UserError(f"charset {path}", received=received, expected="one character per row", remedy=remedy)


def refuse_row(path: str, number: int, row: str) -> UserError:
    """Returns the error about a row, with its number from 1, that is not one character."""
    return UserError(
        f"charset {path}:{number}",
        received=f"{row!r}, {len(row)} code points",
        expected="one code point per row",
        remedy=_advise(row),
    )


def _recognise(rows: Sequence[str], characters: Sequence[str]) -> tuple[str, str] | None:
    """Returns what a file is, and the remedy."""
    first = rows[0]
    kind = describe_file("\n".join(rows).encode()[:HEAD_BYTES])
    if kind not in TEXTS:
        return kind, "Take the text file itself; from a repository's page, the raw file."
    if first[:1] in "[{" and _is_json("\n".join(rows)):
        return kind, "Write its characters into a text file, one per row."
    if "\r" in first:
        return "rows that end with CR alone", "Convert the row ends, for example with tr '\\r' '\\n'."
    if len(rows) == 1 and len(first) > 1 and not _BLANK_WORD.fullmatch(first):
        return (
            f"one row of {len(first)} characters, as docTR and EasyOCR write",
            "Give each character its own row, for example with grep -o . (in a UTF-8 locale), and set "
            "--charset_blank=none.",
        )
    for pattern, columns, edit in _NUMBERED:
        if characters and all(map(pattern.fullmatch, characters)):
            shown = f"{columns} in each row, such as {characters[0]!r}"
            return shown, f"Take the numbers out: sed -E '{edit}'"
    return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _advise(row: str) -> str:
    """Returns the remedy for a row that is not one code point."""
    if BYTE_ORDER_MARK in row:
        return (
            "Take the byte order mark (U+FEFF) out: sed 's/\\xef\\xbb\\xbf//g'; joined files have one inside."
        )
    if len(unicodedata.normalize("NFC", row)) == 1:
        return (
            "It is a letter and a combining mark: convert it to NFC, or let ocr-convert --normalize=NFC do it."
        )
    if any(map(unicodedata.combining, row)):
        return (
            "It is a cluster of letters and marks, which are characters of their own: give each of them a row."
        )
    if _PADDED.fullmatch(row):
        return "Take the white space beside the character out: sed -E 's/^(.)[[:blank:]]+$/\\1/'"
    if _TOKEN.fullmatch(row):
        return "Take the token out, for it is not a character of a text; write a space as a space."
    return "Write one character per row, a space as a space, and no empty rows."
