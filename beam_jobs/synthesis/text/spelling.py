"""How text is spelled before it is cut: characters mapped, full or half width, blanks and rows made plain."""

import dataclasses
import re
import unicodedata
from collections.abc import Mapping

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.tsv import split_cells

WIDTHS = ("as_is", "half", "full")

# What ends a row, as str.splitlines has it, and what else is blank, as Python's \s has it.
_ROW_ENDS = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_BLANKS = re.compile(r"[^\S\n]+")
_BLANK_ENDS = re.compile(" ?\n[ \n]*")
_NARROW_KANA = re.compile("[\uff65-\uff9f]+")
_IDEOGRAPHIC_SPACE = "\u3000"


def _find_widths() -> dict[str, str]:
    """Characters of the block of full and half forms (U+FF00 to U+FFEF), and U+3000, by their plain ones."""
    forms = {}
    for character in [_IDEOGRAPHIC_SPACE, *map(chr, range(0xFF00, 0xFFF0))]:
        # One step only: all of NFKC would make of U+FFE3 a blank and a mark.
        kind, *plain = unicodedata.decomposition(character).split() or [""]
        if kind in ("<wide>", "<narrow>"):
            forms[character] = chr(int(plain[0], 16))
    return forms


_PLAIN_OF = {form: plain for form, plain in _find_widths().items() if not _NARROW_KANA.match(form)}
_FULL_OF = {
    **{plain: form for form, plain in _PLAIN_OF.items() if unicodedata.east_asian_width(form) == "F"},
    **{form: plain for form, plain in _PLAIN_OF.items() if unicodedata.east_asian_width(form) == "H"},
}


@dataclasses.dataclass(frozen=True)
class Spelling:
    """A table (character -> characters, perhaps none) that is applied first, and one of WIDTHS."""

    table: Mapping[str, str] = dataclasses.field(default_factory=dict)
    width: str = "as_is"

    def __post_init__(self):
        if self.width not in WIDTHS:
            raise UserError(
                "width forms",
                received=repr(self.width),
                expected=", ".join(WIDTHS),
                remedy="Set --width_forms.",
            )

    def apply(self, text: str) -> str:
        r"""Text as it is cut: rows end with one \n and are not empty, blanks in a row are one space."""
        text = self._change_width(text.translate(str.maketrans(dict(self.table))))
        return _BLANK_ENDS.sub("\n", _BLANKS.sub(" ", _ROW_ENDS.sub("\n", text))).lstrip(" \n")

    def _change_width(self, text: str) -> str:
        if self.width == "as_is":
            return text
        # Narrow kana are not the usual ones in either width, and their marks join their bases.
        text = _NARROW_KANA.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
        return text.translate(str.maketrans(_PLAIN_OF if self.width == "half" else _FULL_OF))


def read_character_map(path: str) -> dict[str, str]:
    r"""Rows `from<TAB>to` of a UTF-8 file; `to` may be empty, \t, \n and \\ stand for what they do elsewhere.

    Raises UserError with file:line.
    """
    try:
        rows = storage.read_bytes(path).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(
            f"character map {path}",
            received=f"bytes that are not UTF-8 ({error.reason} at byte {error.start})",
            expected="UTF-8",
            remedy="Convert the file, for example with iconv -t UTF-8.",
        ) from None
    table: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        row = row.removesuffix("\r")
        cells = split_cells(row)
        if row and (len(cells) != 2 or len(cells[0]) != 1 or cells[0] in table):
            raise UserError(
                f"character map {path}:{number}",
                received=repr(row),
                expected="a character that no row above has, a tab, and what to write for it, or nothing",
                remedy="Write U+0020 as itself, a tab as \\t.",
            )
        table.update([cells] if row else [])
    return table
