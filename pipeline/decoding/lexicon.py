r"""Lexicons: a file of the only texts that lines may have, as a grammar for the beam search.

A lexicon is a UTF-8 text file with an entry in each row. A backslash begins a wildcard: \d is any digit
(Unicode's category Nd), \c any character, and \\ a backslash. All other characters are themselves; blanks
at the end of a row belong to the entry only if the charset has them. Blank rows are not rows.

The entries are one sorted array of strings, a code point for each class or wildcard. A place in the trie is a
range of it, found by bisection when a search first gets there: 100,000 entries are loaded in a second, and a
line visits few of them.
"""

import bisect
import codecs
import dataclasses
import functools
import math
import operator
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset, show_characters
from densenet_ocr.pipeline.decoding.candidates import Frame
from densenet_ocr.pipeline.decoding.characters import KINDS
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.imaging.file_kinds import HEAD_BYTES, TEXTS, describe_file
from densenet_ocr.pipeline.ui.progress import Progress

# Code points of an entry: the wildcards, then the classes.
_ANY, _DIGIT, _FIRST_CLASS = 0, 1, 2
_WILDCARDS = {"c": _ANY, "d": _DIGIT}
_ESCAPE = "\\"

# A place with more branches follows only the likely classes of a frame.
_FEW_BRANCHES = 64

# Refused rows that a log shows; it counts the others.
_SHOWN = 5

# Places that are kept for later lines; one takes about a kilobyte.
_MOST_PLACES = 100_000

# Choices for a character in a text of any kind: about the perplexity of character models on Chinese text
# (docs/language_models.md). A lexicon with fewer characters has as many as it has.
_PERPLEXITY = 50

# Ranges of entries: several, where wildcards fit the same characters.
_Ranges = tuple[tuple[int, int], ...]


class Lexicon:
    """The entries of a lexicon as a grammar, which says what texts a beam search may find.

    Attributes:
      entries: Number of different entries.
      start: The place before the first character.
      log_texts: Natural logarithm of the number of texts that fit: a wildcard stands for many.
      log_choices: Natural logarithm of the choices for a character in a text that is not in the lexicon.
    """

    def __init__(self, entries: Iterable[Sequence[int]], charset: Charset):
        """Makes a lexicon of entries, each a sequence of code points as `parse_entry` returns them."""
        self._entries = sorted({"".join(map(chr, entry)) for entry in entries})
        self.entries = len(self._entries)
        self._digits = _find_digits(charset.characters)
        self._charset = charset
        counts = {_ANY: len(charset.characters), _DIGIT: max(1, len(self._digits))}
        self.log_texts = math.log(max(1, sum(_count_texts(entry, counts) for entry in self._entries)))
        classes = self.find_classes()
        own = len(charset.characters) if classes is None else int(classes.sum()) - 1
        self.log_choices = math.log(min(_PERPLEXITY, max(own, 1)))
        self._places: dict[tuple[int, _Ranges], _Place] = {}  # only those that searches got to
        self.start = self._make_place(((0, self.entries),), 0)

    def find_classes(self) -> np.ndarray | None:
        """Returns the classes that entries have, bool [classes], with the blank; None if that is any."""
        used = {ord(code) for code in set("".join(self._entries))}
        if _ANY in used:
            return None
        classes = np.zeros(self._charset.classes, bool)
        classes[[code - _FIRST_CLASS for code in used if code >= _FIRST_CLASS]] = True
        classes[list(self._digits) if _DIGIT in used else []] = True
        classes[self._charset.blank] = True
        return classes

    def list_plain_entries(self) -> list[list[int]] | None:
        """Returns the class ids of the entries; None if some have wildcards."""
        if any(chr(code) in entry for entry in self._entries for code in _WILDCARDS.values()):
            return None
        return [[ord(code) - _FIRST_CLASS for code in entry] for entry in self._entries]

    def branches(self, state: "_Place", frame: Frame, row: memoryview) -> Iterable[tuple[int, float]]:
        """Returns (class, probability) of the characters that may follow.

        Args:
          state: The place of a prefix.
          frame: The likely classes of the frame.
          row: The probabilities of all classes.
        """
        targets = state.targets
        if len(targets) > _FEW_BRANCHES:
            return [pair for pair in frame.characters if state.wildcards or pair[0] in targets]
        own: list[tuple[int, float]] = [(k, row[k]) for k in targets]
        if state.wildcards:
            own += [pair for pair in frame.characters if pair[0] not in targets]
        return own

    def follow(self, state: "_Place", k: int) -> "_Place":
        """Returns the place behind a character that `branches` gave for this one."""
        if k not in state.children:
            ranges = tuple(state.targets.get(k, []) + state.wildcards)
            state.children[k] = self._find_place(ranges, state.depth + 1)
        return state.children[k]

    def accepts(self, state: "_Place") -> bool:
        """Returns whether a text may end here."""
        return state.is_end

    def _find_place(self, ranges: _Ranges, depth: int) -> "_Place":
        """Returns the place of entries, of which `depth` characters are known."""
        place = self._places.get((depth, ranges))
        if place is None:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
                self.start.children.clear()
            place = self._places[depth, ranges] = self._make_place(ranges, depth)
        return place

    def _make_place(self, ranges: _Ranges, depth: int) -> "_Place":
        place = _Place(depth, any(low < high and len(self._entries[low]) == depth for low, high in ranges))
        for low, high in ranges:
            for code, branch in self._split(low, high, depth):
                if code == _ANY:
                    place.wildcards.append(branch)
                    continue
                for k in self._digits if code == _DIGIT else [code - _FIRST_CLASS]:
                    place.targets.setdefault(k, []).append(branch)
        return place

    def _split(self, low: int, high: int, depth: int) -> Iterator[tuple[int, tuple[int, int]]]:
        """Yields the code points that follow in a range of entries, and the range of each."""
        next_code = operator.itemgetter(depth)
        # An entry that ends here comes before those that it begins.
        low += low < high and len(self._entries[low]) == depth
        while low < high:
            code = next_code(self._entries[low])
            end = bisect.bisect_right(self._entries, code, low, high, key=next_code)
            yield ord(code), (low, end)
            low = end


@dataclasses.dataclass(slots=True, eq=False)
class _Place:
    """A place in the trie: the entries that begin with the same characters, or with wildcards for them.

    Attributes:
      depth: Number of these characters.
      is_end: Whether some entry ends here.
      targets: Ranges of the entries that continue with a class, by this class.
      wildcards: Ranges of the entries that continue with any character.
      children: The places behind characters, by class, as far as searches got there.
    """

    depth: int
    is_end: bool
    targets: dict[int, list[tuple[int, int]]] = dataclasses.field(default_factory=dict)
    wildcards: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    children: dict[int, "_Place"] = dataclasses.field(default_factory=dict)


@functools.lru_cache(maxsize=4)
def _find_digits(characters: str) -> tuple[int, ...]:
    """Classes of a charset's digits."""
    return tuple(k for k, character in enumerate(characters) if KINDS["digits"](character))


def _count_texts(entry: str, counts: dict[int, int]) -> int:
    """Number of texts that fit an entry."""
    return math.prod(count ** entry.count(chr(code)) for code, count in counts.items())


def read_lexicon(path: str, charset: Charset, *, allowed: np.ndarray | None = None) -> Lexicon:
    """Reads a lexicon file and logs how many rows it has, and how many of them are used and refused.

    Args:
      path: The file.
      charset: The model's characters, which also normalise the entries.
      allowed: Classes that a decoder may give, bool [classes]; by default all.

    Raises:
      UserError: the file cannot be read, or has no entry that can be used.
    """
    rows = _read_rows(path)
    progress, entries, refused = Progress(f"read {path}", len(rows), "entries"), [], []
    for number, row in rows:
        try:
            entries.append(parse_entry(_decode(row), charset, allowed))
        except Refused as refusal:
            refused.append(f"{path}:{number}: {refusal}")
        progress.show(len(entries) + len(refused))
    lexicon = Lexicon(entries, charset)
    _report(path, len(rows), len(entries), lexicon.entries, refused)
    return lexicon


def parse_entry(row: str, charset: Charset, allowed: np.ndarray | None = None) -> list[int]:
    """Returns the codes of an entry: wildcards, and the classes of characters.

    Args:
      row: The row of the lexicon.
      charset: Characters that it may have.
      allowed: Which of these classes it may have, bool [classes]; None for all.

    Raises:
      Refused: a character is not in the charset or not allowed, or a backslash begins no wildcard.
    """
    text = charset.normalise(row)
    codes, parts = [], iter(text.rstrip("".join(blank for blank in " \t" if blank not in charset)))
    for character in parts:
        if character == _ESCAPE:
            character = next(parts, "")
            if character in _WILDCARDS:
                codes.append(_WILDCARDS[character])
                continue
            if character != _ESCAPE:
                expected = r"\d for a digit, \c for any character, or \\ for a backslash"
                raise Refused("bad_row", f"{_ESCAPE + character} is no wildcard: expected {expected}")
        codes.append(charset.encode(character)[0] + _FIRST_CLASS)
    _check_allowed(codes, charset, allowed)
    return codes


def _check_allowed(codes: list[int], charset: Charset, allowed: np.ndarray | None) -> None:
    classes = {code - _FIRST_CLASS for code in codes if code >= _FIRST_CLASS}
    if allowed is not None and (wrong := sorted(k for k in classes if not allowed[k])):
        shown = show_characters([charset.characters[k] for k in wrong])
        raise Refused("unknown_character", f"{shown} is not among the allowed characters")
    if _DIGIT in codes and not any(allowed is None or allowed[k] for k in _find_digits(charset.characters)):
        raise Refused("unknown_character", "no digit is in the charset and allowed")


def _read_rows(path: str) -> list[tuple[int, bytes]]:
    """Returns the rows of a file that are not blank, with their numbers from 1; raises UserError."""
    data = storage.read_bytes(path)
    kind = describe_file(data[:HEAD_BYTES])
    if kind not in TEXTS:  # an entry may begin like JSON
        raise UserError(
            f"lexicon {path}",
            received=kind,
            expected="a UTF-8 text file with an entry in each row",
            remedy="Check --lexicon.",
        )
    rows = data.removeprefix(codecs.BOM_UTF8).split(b"\n")
    return [(number, row.rstrip(b"\r")) for number, row in enumerate(rows, start=1) if row.strip()]


def _decode(row: bytes) -> str:
    try:
        return row.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("bad_encoding", f"not UTF-8 at byte {error.start + 1} of the row") from None


def _report(path: str, rows: int, used: int, different: int, refused: list[str]) -> None:
    if not used:
        raise UserError(
            f"lexicon {path}",
            received=f"no entry that can be used, of {rows:,} rows; {' '.join(refused[:1])}".strip("; "),
            expected="an entry in each row, of characters that the model reads",
            remedy="Check --lexicon.",
        )
    for shown in refused[:_SHOWN]:
        logging.warning("%s", shown)
    if len(refused) > _SHOWN:
        logging.warning("%s: %d more rows are refused", path, len(refused) - _SHOWN)
    counts = f"{rows:,} rows, {used:,} used, {len(refused):,} refused; {different:,} different entries"
    logging.info("lexicon %s: %s", path, counts)
