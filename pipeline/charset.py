"""Characters <-> class ids. The only place that knows where the blank sits.

A charset file is UTF-8 with one character a row. Row 0 stands for the blank, whatever it shows; the character
of row k is class k - 1, and the blank is the last class, as TensorFlow's CTC has it.
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
    """An ordered set of characters; `characters[k]` is the character of class k."""

    characters: str

    def __post_init__(self):
        _check_characters(self.characters, "charset")

    @property
    def blank(self) -> int:
        """The class of the CTC blank, the last one."""
        return len(self.characters)

    @property
    def classes(self) -> int:
        """Number of classes: the characters and the blank."""
        return len(self.characters) + 1

    @functools.cached_property
    def sha256(self) -> str:
        """A hash of the characters in their order."""
        return hashlib.sha256(self.characters.encode("utf-8")).hexdigest()

    @functools.cached_property
    def _class_of(self) -> dict[str, int]:
        return {character: k for k, character in enumerate(self.characters)}

    def __contains__(self, character: str) -> bool:
        return character in self._class_of

    def encode(self, text: str) -> list[int]:
        """Class ids of a text; raises Refused('unknown_character') naming what the charset lacks."""
        try:
            return [self._class_of[character] for character in text]
        except KeyError:
            unknown = sorted({c for c in text if c not in self._class_of})
            raise Refused("unknown_character", f"the charset lacks {show_characters(unknown)}") from None

    def encode_rows(self, rows: Sequence[bytes]) -> list[int]:
        """Class ids of charset rows in decimal; raises Refused('bad_id')."""
        try:
            return [self._class_of_plain_row[row] for row in rows]
        except KeyError:
            return [self._class_of_row(row) for row in rows]

    @functools.cached_property
    def _class_of_plain_row(self) -> dict[bytes, int]:
        return {b"%d" % row: row - 1 for row in range(1, self.blank + 1)}

    def _class_of_row(self, row: bytes) -> int:
        # bytes.isdigit is ASCII only; int() would also take '+5', '1_0' and other scripts' digits.
        number = int(row) if row.isdigit() and len(row) < 10 else 0
        if not 1 <= number <= self.blank:
            shown = row.decode("utf-8", "replace")
            raise Refused("bad_id", f"id {shown!r} is not a whole number from 1 to {self.blank}")
        return number - 1

    def decode(self, ids: Iterable[int]) -> str:
        """The text of class ids without blanks; raises ValueError for a class that is no character."""
        text = []
        for k in ids:
            if not 0 <= k < self.blank:
                raise ValueError(f"class {k} is no character: expected 0 to {self.blank - 1}")
            text.append(self.characters[k])
        return "".join(text)

    def without(self, other: "Charset") -> str:
        """The characters that `other` lacks, in order."""
        return "".join(c for c in self.characters if c not in other)

    def union(self, other: "Charset") -> "Charset":
        """These characters, whose classes stay, and behind them those that only `other` has, in its order."""
        return Charset(self.characters + other.without(self))

    def write(self, path: str) -> None:
        """Writes the charset as a file that `read_charset` reads."""
        storage.write_atomically(path, "\n".join([BLANK_ROW, *self.characters, ""]).encode("utf-8"))


def show_characters(characters: Sequence[str], most: int | None = None) -> str:
    """Characters for a message, each with its code point; beyond the first `most` they are only counted."""
    shown = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in characters[:most])
    return shown if most is None or len(characters) <= most else f"{shown} and {len(characters) - most} more"


def read_charset(path: str) -> Charset:
    """Reads a charset file; raises UserError with file:line for a row that is not one character."""
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
                expected="one code point a row",
                remedy="Write one character a row, a space as a space, and no empty rows.",
            )
    _check_characters("".join(rows[1:]), f"charset {path}")
    return Charset("".join(rows[1:]))


def _check_characters(characters: str, subject: str) -> None:
    if not characters:
        raise UserError(
            subject,
            received="no characters",
            expected="a row for the blank and a row for each character",
            remedy="Give a file with one character a row.",
        )
    repeated = [c for c, count in collections.Counter(characters).items() if count > 1]
    if not repeated:
        return
    places = {c: [k + 2 for k, d in enumerate(characters) if d == c] for c in repeated}
    shown = ", ".join(f"{c!r} in lines {' and '.join(map(str, places[c]))}" for c in repeated[:10])
    more = f" and {len(repeated) - 10} more" if len(repeated) > 10 else ""
    raise UserError(
        subject,
        received=f"duplicated characters: {shown}{more}",
        expected="each character once",
        remedy="A widely copied char_std_5990.txt is corrupt in this way: take the original file. In a "
        "charset of your own remove the repeats, before any list is written with its row numbers.",
    )
