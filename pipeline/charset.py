"""Characters <-> class ids. Only this module knows the blank's place.

A charset file is UTF-8 with one character per row. Row 0 is the blank, whatever it shows; the character of
row k is class k - 1, and the blank is the last class, as in TensorFlow's CTC.
"""

import collections
import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Sequence

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import Refused, UserError

BLANK_ROW = "<blank>"


@dataclasses.dataclass(frozen=True)
class Charset:
    """An ordered set of characters, and the blank as the last class.

        charset = Charset("abc")
        charset.encode("cab")  # [2, 0, 1]
        charset.decode([2, 0, 1])  # "cab"
        charset.blank, charset.classes  # 3, 4

    Attributes:
      characters: `characters[k]` is the character of class k.

    Raises:
      UserError: there are no characters, or a character repeats.
    """

    characters: str

    def __post_init__(self) -> None:
        _check_characters(self.characters, "charset")

    @property
    def blank(self) -> int:
        """Class id of the CTC blank, the last class."""
        return len(self.characters)

    @property
    def classes(self) -> int:
        """Number of classes, the blank included: the size of the network's last layer."""
        return len(self.characters) + 1

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 of the characters in order, as hexadecimal digits."""
        return hashlib.sha256(self.characters.encode("utf-8")).hexdigest()

    @functools.cached_property
    def _class_of(self) -> dict[str, int]:
        return {character: k for k, character in enumerate(self.characters)}

    def __contains__(self, character: str) -> bool:
        return character in self._class_of

    def encode(self, text: str) -> list[int]:
        """Returns the class ids of a text, one for each code point.

        Raises:
          Refused: `unknown_character`; the detail names all characters that the charset lacks.
        """
        try:
            return [self._class_of[character] for character in text]
        except KeyError:
            unknown = sorted({c for c in text if c not in self._class_of})
            raise Refused("unknown_character", f"the charset lacks {show_characters(unknown)}") from None

    def encode_rows(self, rows: Sequence[bytes]) -> list[int]:
        """Returns the class ids of charset rows, given as decimal digits: row b"1" is class 0.

        Raises:
          Refused: `bad_id`; a row is not a number of a character's row.
        """
        try:
            return [self._class_of_plain_row[row] for row in rows]
        except KeyError:
            return [self._class_of_row(row) for row in rows]

    @functools.cached_property
    def _class_of_plain_row(self) -> dict[bytes, int]:
        return {b"%d" % row: row - 1 for row in range(1, self.blank + 1)}

    def _class_of_row(self, row: bytes) -> int:
        # bytes.isdigit takes ASCII only; int() would also take '+5', '1_0' and other scripts' digits.
        number = int(row) if row.isdigit() and len(row) < 10 else 0
        if not 1 <= number <= self.blank:
            shown = row.decode("utf-8", "replace")
            raise Refused("bad_id", f"id {shown!r} is not a whole number from 1 to {self.blank}")
        return number - 1

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
        """Writes the charset as a file for `read_charset`, in one atomic step."""
        storage.write_atomically(path, "\n".join([BLANK_ROW, *self.characters, ""]).encode("utf-8"))


def show_characters(characters: Sequence[str], most: int | None = None) -> str:
    """Formats characters with their code points for a message; beyond the first `most` it only counts them."""
    shown = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in characters[:most])
    return shown if most is None or len(characters) <= most else f"{shown} and {len(characters) - most} more"


def read_charset(path: str) -> Charset:
    """Reads a charset file: UTF-8, one code point per row, row 0 the blank; CR LF and a BOM are accepted.

    Raises:
      UserError: the file cannot be read, a row (file:line) is not one character, or characters repeat.
    """
    try:
        text = storage.read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"charset {path}",
            received=f"bytes that are not UTF-8 ({error.reason} at byte {error.start})",
            expected="UTF-8",
            remedy="Convert the file, for example with iconv -t UTF-8.",
        ) from None
    # Only LF ends a row: str.splitlines would also break at characters such as U+2028.
    rows = [row.rstrip("\r") for row in text.removesuffix("\n").split("\n")]
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != 1:
            raise UserError(
                f"charset {path}:{number}",
                received=f"{row!r}, {len(row)} code points",
                expected="one code point per row",
                remedy="Write one character per row, a space as a space, and no empty rows.",
            )
    _check_characters("".join(rows[1:]), f"charset {path}")
    return Charset("".join(rows[1:]))


def _check_characters(characters: str, subject: str) -> None:
    if not characters:
        raise UserError(
            subject,
            received="no characters",
            expected="a row for the blank and a row for each character",
            remedy="Give a file with one character per row.",
        )
    repeated = [c for c, count in collections.Counter(characters).items() if count > 1]
    if repeated:
        places = {c: [k + 2 for k, d in enumerate(characters) if d == c] for c in repeated}
        shown = ", ".join(f"{c!r} in lines {' and '.join(map(str, places[c]))}" for c in repeated[:10])
        more = f" and {len(repeated) - 10} more" if len(repeated) > 10 else ""
        raise UserError(
            subject,
            received=f"duplicated characters: {shown}{more}",
            expected="each character once",
            remedy="A widely copied char_std_5990.txt is corrupt in this way: take the original file. In your "
            "own charset remove the repeats before you write lists with its row numbers.",
        )
