"""Characters <-> class ids. Only this module knows the blank's class: the last one, as in TensorFlow's CTC.

A charset file is UTF-8 with one character per row (see charsets.charset_file). By default row 0 stands for the
blank, whatever it shows, and the character of row k is class k - 1.
"""

import collections
import dataclasses
import functools
import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, cast

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import Refused, UserError

BLANK_ROW = "<blank>"

# How texts are normalised before they are encoded: values of --normalize. The forms are those of UAX #15.
NO_FORM = "none"
_FORMS = ("NFC", "NFKC")
NORMALIZATIONS = (NO_FORM, *_FORMS)


@dataclasses.dataclass(frozen=True)
class Charset:
    """An ordered set of characters, and the blank as the last class.

        charset = Charset("abc")
        charset.encode("cab")  # [2, 0, 1]
        charset.decode([2, 0, 1])  # "cab"
        charset.blank, charset.classes  # 3, 4

    Attributes:
      characters: `characters[k]` is the character of class k.
      placeholder: The character in the charset file's row of the blank, if no other row has it; else empty.
      first_row: Row of the first character in the charset file, from 0; ids in lists are such rows.
      normalize: How texts are normalised before they are encoded, one of NORMALIZATIONS.

    Raises:
      UserError: there are no characters, or a character repeats.
    """

    characters: str
    # Of the file alone; charsets with the same classes are equal.
    placeholder: str = dataclasses.field(default="", compare=False, repr=False)
    first_row: int = dataclasses.field(default=1, compare=False, repr=False)
    # Of a conversion alone.
    normalize: str = dataclasses.field(default=NO_FORM, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_characters(self.characters, "charset")

    @property
    def blank(self) -> int:
        """Class id of the CTC blank, the last class."""
        return len(self.characters)

    @property
    def classes(self) -> int:
        """Number of classes, the blank included: the size of the network's last layer."""
        return len(self.characters) + 1

    @property
    def blank_row(self) -> str:
        """The row of the charset file that stands for the blank, for messages."""
        return "row 0" if self.first_row else "the last row"

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 of the characters in order, as hexadecimal digits."""
        return hashlib.sha256(self.characters.encode("utf-8")).hexdigest()

    @functools.cached_property
    def class_of(self) -> dict[str, int]:
        """Class ids by character, and with a normalisation also by a character's normal form."""
        classes = {character: k for k, character in enumerate(self.characters)}
        if self.normalize == NO_FORM:
            return classes
        # A charset that has only the full-width form of a character keeps it under NFKC.
        forms: dict[str, int] = {}
        for character, k in classes.items():
            forms.setdefault(self.normalise(character), k)
        return forms | classes

    def __contains__(self, character: str) -> bool:
        return character in self.class_of

    def encode(self, text: str) -> list[int]:
        """Returns the class ids of a text, one for each code point of its normal form.

        Raises:
          Refused: `unknown_character`; the detail names all characters that the charset lacks.
        """
        text = self.normalise(text)
        try:
            return [self.class_of[character] for character in text]
        except KeyError:
            unknown = sorted({c for c in text if c not in self.class_of})
            lacks = f"the charset lacks {show_characters(unknown)}"
            raise Refused("unknown_character", lacks + self._advise(text, unknown)) from None

    def normalise(self, text: str) -> str:
        """Returns the normal form of a text; the text itself by default."""
        return normalise_text(text, self.normalize)

    def _advise(self, text: str, unknown: Sequence[str]) -> str:
        """Says how a refused text would fit."""
        if self.placeholder in unknown:
            return (
                f"; {self.placeholder!r} is {self.blank_row} of the charset file, which stands for the blank: "
                "--charset_blank=none makes it a character"
            )
        if "\t" in unknown:
            return "; a tab in a text: if the list has three columns, cut -f1,2 takes the first two"
        if any(map(is_control, unknown)):
            return "; control characters are no text: remove them from the label"
        form = next((form for form in _FORMS if self._with_form[form].fits(text)), None)
        return f"; {form} would fit: --normalize={form}" if form else ""

    def fits(self, text: str) -> bool:
        """Returns whether the charset has all characters of a text's normal form."""
        return all(character in self for character in self.normalise(text))

    @functools.cached_property
    def _with_form(self) -> dict[str, "Charset"]:
        return {form: dataclasses.replace(self, normalize=form) for form in _FORMS}

    def encode_rows(self, rows: Sequence[bytes]) -> list[int]:
        """Returns the class ids of charset rows, given as decimal digits: row b"1" is class 0 by default.

        Raises:
          Refused: `bad_id`; a row is not a number of a character's row.
        """
        try:
            return [self._class_of_plain_row[row] for row in rows]
        except KeyError:
            return [self._class_of_row(row) for row in rows]

    @functools.cached_property
    def _class_of_plain_row(self) -> dict[bytes, int]:
        return {b"%d" % (k + self.first_row): k for k in range(self.blank)}

    def _class_of_row(self, row: bytes) -> int:
        # bytes.isdigit takes ASCII only; int() would also take '+5', '1_0' and other scripts' digits.
        number = int(row) - self.first_row if row.isdigit() and len(row) < 10 else -1
        if not 0 <= number < self.blank:
            shown, last = row.decode("utf-8", "replace"), self.blank - 1 + self.first_row
            raise Refused("bad_id", f"id {shown!r} is not a whole number from {self.first_row} to {last}")
        return number

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text of class ids without blanks.

        Raises:
          ValueError: an id is not the class of a character.
        """
        text = []
        for k in ids:
            if not 0 <= k < self.blank:
                raise ValueError(f"class {k} is no character: expected 0 to {self.blank - 1}")
            text.append(self.characters[k])
        return "".join(text)

    def without(self, other: "Charset") -> str:
        """Returns the characters that `other` lacks, in order."""
        return "".join(c for c in self.characters if c not in other)

    def union(self, other: "Charset") -> "Charset":
        """Returns these characters, with their classes, followed by those that only `other` has."""
        return Charset(self.characters + other.without(self))

    def write(self, path: str) -> None:
        """Writes the charset as a file for `read_charset`, with a row for the blank, in one atomic step."""
        storage.write_atomically(path, "\n".join([BLANK_ROW, *self.characters, ""]).encode("utf-8"))


def normalise_text(text: str, form: str) -> str:
    """Returns the normal form of a text, by one of NORMALIZATIONS."""
    return text if form == NO_FORM else unicodedata.normalize(cast(Any, form), text)


def is_control(character: str) -> bool:
    """Returns whether a character is a control (Unicode's category Cc) or a byte order mark, not a text's."""
    return character == "\ufeff" or unicodedata.category(character) == "Cc"


def show_characters(characters: Sequence[str], most: int | None = None) -> str:
    """Formats characters with their code points for a message; beyond the first `most` it only counts them."""
    shown = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in characters[:most])
    return shown if most is None or len(characters) <= most else f"{shown} and {len(characters) - most} more"


def check_characters(characters: str, subject: str, first_line: int = 2) -> None:
    """Raises UserError where there are no characters or one repeats; a file's first one is in `first_line`."""
    if not characters:
        raise UserError(
            subject,
            received="no characters",
            expected="a row for the blank and a row for each character",
            remedy="Give a file with one character per row.",
        )
    repeated = [c for c, count in collections.Counter(characters).items() if count > 1]
    if repeated:
        places = {c: [k + first_line for k, d in enumerate(characters) if d == c] for c in repeated}
        shown = ", ".join(f"{c!r} in lines {' and '.join(map(str, places[c]))}" for c in repeated[:10])
        more = f" and {len(repeated) - 10} more" if len(repeated) > 10 else ""
        raise UserError(
            subject,
            received=f"duplicated characters: {shown}{more}",
            expected="each character once",
            remedy="A widely copied char_std_5990.txt is corrupt in this way: take the original file. In your "
            "own charset remove the repeats before you write lists with its row numbers.",
        )
