"""Reads charset files: UTF-8, one character per row, and one row that may stand for the blank.

Dictionaries of other tools are known by their form: one row of all characters (docTR, EasyOCR), a number beside
each character, tokens such as <unk>. The refusal says how to make a charset of them.
"""

import json
import re
import unicodedata
from collections.abc import Sequence

from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import NO_FORM, Charset, check_characters, normalise_text, show_characters
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.imaging.file_kinds import HEAD_BYTES, TEXT, TEXTS, describe_file

# Which row of a charset file stands for the CTC blank: values of --charset_blank.
FIRST_ROW, NONE, LAST_ROW = "first_row", "none", "last_row"
BLANK_ROWS = (FIRST_ROW, NONE, LAST_ROW)
BLANK_HELP = (
    "Row of the charset file that stands for the CTC blank; most dictionaries of other tools have none."
)

# Last codes of the frequent ideographs, the first levels of these standards; GB 2312 as a whole is frequent.
_FREQUENT = {"gb2312": b"\xff\xff", "big5": b"\xc6\x7e", "shift_jis": b"\x98\x72"}

_BLANK_WORD = re.compile(r"[<\[({|]?_?(ctc_?)?(blank|blk|epsilon)_?[>\])}|]?", re.IGNORECASE)
_TOKEN = re.compile(r"[<\[]/?\w+[>\]]")
# Dictionaries with a number in each row, and how sed takes it out.
_NUMBERED = (
    (re.compile(r".[ \t,:]+\d+"), "a character and a number", "s/[[:blank:],:]+[0-9]+$//"),
    (re.compile(r"\d+[ \t,:]+."), "a number and a character", "s/^[0-9]+[[:blank:],:]+//"),
)
_PADDED = re.compile(r"\S[ \t]+|[ \t]+\S")
BYTE_ORDER_MARK = "\ufeff"


def read_charset(path: str, blank: str = FIRST_ROW, normalize: str = NO_FORM) -> Charset:
    """Reads a charset file: UTF-8, one code point per row; CR LF and a BOM are accepted.

    Logs the character that the row of the blank shows; as a warning if text lines are likely to have it.

    Args:
      path: The file.
      blank: The row that stands for the blank, one of BLANK_ROWS.
      normalize: How rows of several code points and texts are normalised, one of charset.NORMALIZATIONS.

    Raises:
      UserError: the file cannot be read, a row (file:line) is not one character, or characters repeat.
    """
    rows = [_compose(row, normalize) for row in _read_rows(path)]
    first, last = int(blank == FIRST_ROW), len(rows) - (blank == LAST_ROW)
    _refuse_file(path, rows, rows[first:last])
    for number, row in enumerate(rows[first:last], start=first + 1):
        if len(row) != 1:
            _refuse_blank(path, rows, blank)
            raise _refuse_row(path, number, row)
    characters = "".join(rows[first:last])
    check_characters(characters, f"charset {path}", first + 1)
    placeholder = "".join(rows[:first] + rows[last:])  # of one row, or of none
    lost = placeholder if len(placeholder) == 1 and placeholder not in characters else ""
    charset = Charset(characters, placeholder=lost, first_row=first, normalize=normalize)
    if lost:
        _log_lost(path, charset)
    return charset


def is_common(character: str) -> bool:
    """Whether text lines are likely to have a character: a letter, digit, space or punctuation mark.

    ASCII symbols count too. Of the ideographs only frequent ones do: those of GB 2312, and of the first levels
    of Big5 and JIS X 0208.
    """
    if character.isascii():
        return character.isprintable()
    if unicodedata.name(character, "").startswith("CJK "):
        return any(_has_code(character, codec, last) for codec, last in _FREQUENT.items())
    return unicodedata.category(character)[0] in "LNPZ"


def _has_code(character: str, codec: str, last: bytes) -> bool:
    try:
        return character.encode(codec) <= last
    except UnicodeEncodeError:
        return False


def _read_rows(path: str) -> list[str]:
    data = storage.read_bytes(path)
    try:
        text = data.decode("utf-8").lstrip(BYTE_ORDER_MARK)  # a converted file may have two
    except UnicodeDecodeError as error:
        kind = describe_file(data[:HEAD_BYTES])
        where = f"{error.reason} at byte {error.start}"
        raise UserError(
            f"charset {path}",
            received=f"bytes that are not UTF-8 ({where})" + (f", in {kind}" if kind != TEXT else ""),
            expected="UTF-8",
            remedy="Convert the file from its encoding, for example with iconv -f GB18030 -t UTF-8.",
        ) from None
    # Only LF ends a row: str.splitlines would also break at characters such as U+2028.
    return [row.rstrip("\r") for row in text.removesuffix("\n").split("\n")]


def _compose(row: str, normalize: str) -> str:
    """Returns the normal form of a row that is not one code point, if the form is one; else the row."""
    composed = normalise_text(row, normalize) if len(row) > 1 else row
    return composed if len(composed) == 1 else row


def _refuse_blank(path: str, rows: list[str], blank: str) -> None:
    """Raises UserError where the blank is clearly in another row than `blank` says."""
    found = _find_blank_row(rows)
    if found is None or (blank == FIRST_ROW and found == 0):
        return
    kind, place = (FIRST_ROW, "first") if found == 0 else (LAST_ROW, "last")
    raise UserError(
        f"charset {path}:{found + 1}",
        received=f"{rows[found]!r}, the {place} row, which seems to stand for the blank",
        expected=f"a character, because of --charset_blank={blank}",
        remedy=f"Set --charset_blank={kind}, or take the row out.",
    )


def _log_lost(path: str, charset: Charset) -> None:
    """Says which character the row of the blank shows; a warning if it is likely to be one of the texts'."""
    row, shown = charset.blank_row, show_characters(charset.placeholder)
    if not is_common(charset.placeholder):
        logging.info("charset %s: %s, which shows %s, stands for the CTC blank", path, row, shown)
        return
    logging.warning(
        "charset %s: %s shows %s, but stands for the CTC blank, so no label can have this character. If it is "
        "a character, because the file has no row for the blank, set --charset_blank=none.",
        path,
        row,
        shown,
    )


def _find_blank_row(rows: Sequence[str]) -> int | None:
    """Returns the index of the row that clearly stands for the blank: the first, the last, or None.

    A row is evident if it is a word for the blank, and row 0 also if no other row is not one character.
    """
    only = len(rows[0]) != 1 and all(len(row) == 1 for row in rows[1:])
    if only or _BLANK_WORD.fullmatch(rows[0]):
        return 0
    return len(rows) - 1 if _BLANK_WORD.fullmatch(rows[-1]) else None


def _refuse_file(path: str, rows: Sequence[str], characters: Sequence[str]) -> None:
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


def _refuse_row(path: str, number: int, row: str) -> UserError:
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
