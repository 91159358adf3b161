"""Normalises text before it is split: Unicode form, character map, full or half width, blanks, row ends."""

import dataclasses
import re
import unicodedata
from collections.abc import Mapping

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import NO_FORM, normalise_text
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.tsv import split_cells

WIDTHS = ("as_is", "half", "full")

# Row ends as in str.splitlines; other blanks as in \s of re.
_ROW_ENDS = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_BLANKS = re.compile(r"[^\S\n]+")
_BLANK_ENDS = re.compile(" ?\n[ \n]*")
_NARROW_KANA = re.compile("[\uff65-\uff9f]+")
_IDEOGRAPHIC_SPACE = "\u3000"


def _find_widths() -> dict[str, str]:
    """Plain characters of the full-width and half-width forms (U+FF00 to U+FFEF) and of U+3000."""
    forms = {}
    for character in [_IDEOGRAPHIC_SPACE, *map(chr, range(0xFF00, 0xFFF0))]:
        # One step only: NFKC would turn U+FFE3 into a blank and a mark.
        kind, *plain = unicodedata.decomposition(character).split() or [""]
        if kind in ("<wide>", "<narrow>"):
            forms[character] = chr(int(plain[0], 16))
    return forms


_PLAIN_OF = {form: plain for form, plain in _find_widths().items() if not _NARROW_KANA.match(form)}
_TO_HALF = {ord(form): plain for form, plain in _PLAIN_OF.items()}
_TO_FULL = {
    **{ord(plain): form for form, plain in _PLAIN_OF.items() if unicodedata.east_asian_width(form) == "F"},
    **{ord(form): plain for form, plain in _PLAIN_OF.items() if unicodedata.east_asian_width(form) == "H"},
}


@dataclasses.dataclass(frozen=True)
class TextNormaliser:
    """Normalises text.

    Attributes:
      table: Replacements of characters, which may be empty; applied to the normal form.
      width: One of WIDTHS.
      form: One of charset.NORMALIZATIONS; applied first.
    """

    table: Mapping[str, str] = dataclasses.field(default_factory=dict)
    width: str = "as_is"
    form: str = NO_FORM

    def __post_init__(self) -> None:
        if self.width not in WIDTHS:
            raise UserError(
                "width forms",
                received=repr(self.width),
                expected=", ".join(WIDTHS),
                remedy="Set --width_forms.",
            )

    def apply(self, text: str) -> str:
        r"""Returns normalised text: no row is empty, rows end with one \n, a run of blanks is one space."""
        text = normalise_text(text, self.form)
        text = self._change_width(text.translate({ord(character): to for character, to in self.table.items()}))
        return _BLANK_ENDS.sub("\n", _BLANKS.sub(" ", _ROW_ENDS.sub("\n", text))).lstrip(" \n")

    def _change_width(self, text: str) -> str:
        if self.width == "as_is":
            return text
        # Half-width kana are unusual in either width, and their marks join their bases.
        text = _NARROW_KANA.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
        return text.translate(_TO_HALF if self.width == "half" else _TO_FULL)


def read_character_map(path: str) -> dict[str, str]:
    r"""Reads replacements of characters: rows `from<TAB>to` of a UTF-8 file.

    `to` may be empty. \t, \n and \\ are a tab, a line feed and a backslash.

    Raises:
      UserError: a row is wrong; names file:line.
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
                expected="a character that no row above has, a tab, and its replacement, which may be empty",
                remedy="Write U+0020 as itself, a tab as \\t.",
            )
        if row:
            table[cells[0]] = cells[1]
    return table
