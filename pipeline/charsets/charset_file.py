"""Reads charset files: UTF-8, one character per row, and one row that may stand for the blank."""

import unicodedata

from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import NO_FORM, Charset, check_characters, normalise_text, show_characters
from densenet_ocr.pipeline.charsets.foreign_files import (
    BYTE_ORDER_MARK,
    find_blank_row,
    refuse_file,
    refuse_row,
)
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.imaging.file_kinds import HEAD_BYTES, TEXT, describe_file

# Which row of a charset file stands for the CTC blank: values of --charset_blank.
FIRST_ROW, NONE, LAST_ROW = "first_row", "none", "last_row"
BLANK_ROWS = (FIRST_ROW, NONE, LAST_ROW)
BLANK_HELP = (
    "Row of the charset file that stands for the CTC blank; most dictionaries of other tools have none."
)

# Last codes of the frequent ideographs, the first levels of these standards; GB 2312 as a whole is frequent.
_FREQUENT = {"gb2312": b"\xff\xff", "big5": b"\xc6\x7e", "shift_jis": b"\x98\x72"}


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
    refuse_file(path, rows, rows[first:last])
    for number, row in enumerate(rows[first:last], start=first + 1):
        if len(row) != 1:
            _refuse_blank(path, rows, blank)
            raise refuse_row(path, number, row)
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
    found = find_blank_row(rows)
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
