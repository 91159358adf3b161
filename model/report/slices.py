"""Kinds of lines, and how well each is read: by length, width, repeats, and how rare their characters are."""

import bisect
import dataclasses
import itertools
import math
from typing import NamedTuple

from densenet_ocr.model.network.metrics import wilson_interval

# A character is rare that training had fewer times than this.
RARE_BELOW = 100

# A line's rarest character was in training: never, from 1, from 10, from 100, from 1,000 times.
_DECADES = (1, 10, 100, 1000)
_DECADE_NAMES = ("never", "1 to 9 times", "10 to 99 times", "100 to 999 times", "1,000 times or more")

# Lengths and widths are told one by one up to so many, else in so many steps at most, which hold all lines
# but a hundredth at each end.
_MOST_STEPS, _TAIL = 12, 0.01


@dataclasses.dataclass(slots=True)
class Tally:
    """Sums over lines: how many, how many read exactly, edits, characters of the truth."""

    lines: int = 0
    exact: int = 0
    edits: int = 0
    characters: int = 0

    def add(self, edits: int, characters: int) -> None:
        """Counts a line."""
        self.lines += 1
        self.exact += not edits
        self.edits += edits
        self.characters += characters

    def merge(self, other: "Tally") -> None:
        """Counts another tally's lines."""
        self.lines += other.lines
        self.exact += other.exact
        self.edits += other.edits
        self.characters += other.characters

    @property
    def exact_match(self) -> float | None:
        """The share of lines that were read exactly; None without lines."""
        return self.exact / self.lines if self.lines else None

    @property
    def exact_match_95(self) -> tuple[float, float]:
        """Wilson's 95 % interval of that share."""
        return wilson_interval(self.exact, self.lines)

    @property
    def cer(self) -> float | None:
        """Edits over characters of the truth; None where there are none."""
        return self.edits / self.characters if self.characters else None


class Slice(NamedTuple):
    """Some lines: what they are and their sums; `low` and `high` are their least and greatest value."""

    name: str
    tally: Tally
    low: int | None = None
    high: int | None = None

    def compare(self, overall: Tally) -> str:
        """'below' or 'above' where the 95 % interval leaves out the exact match of all lines, else ''."""
        low, high = self.tally.exact_match_95
        if not self.tally.lines or low <= overall.exact_match <= high:
            return ""
        return "below" if high < overall.exact_match else "above"


class Group(NamedTuple):
    """Slices that belong together; `name` is for scripts, the rest for people.

    `unit` says what the slices' names are, `note` what else there is to know.
    """

    name: str
    title: str
    unit: str
    slices: list[Slice]
    note: str = ""


class Slices:
    """Counts lines by kind; keeps sums alone, of which there are as many as lengths and widths."""

    def __init__(self, seen: dict[str, int] | None):
        """Takes how often training had each character, or None where that is not known."""
        self.overall = Tally()
        self._seen = seen
        self._lengths: dict[int, Tally] = {}
        self._widths: dict[int, Tally] = {}
        self._repeats, self._plain, self._rare, self._unseen = Tally(), Tally(), Tally(), Tally()
        self._decades = [Tally() for _ in _DECADE_NAMES]

    def add(self, truth: str, width: int, edits: int) -> None:
        """Counts a line of that width, in pixels, which was read with so many edits."""
        tallies = [
            self.overall,
            _find(self._lengths, len(truth)),
            _find(self._widths, width),
            self._repeats if has_repeat(truth) else self._plain,
        ]
        if self._seen is not None:
            tallies += self._find_by_rarity([self._seen.get(character, 0) for character in truth])
        for tally in tallies:
            tally.add(edits, len(truth))

    def groups(self) -> list[Group]:
        """All slices; those by how often training had characters only where that is known."""
        groups = [
            Group("length", "Length of the truth", "characters", _join_values(self._lengths)),
            Group("width", "Width of the picture", "pixels", _join_values(self._widths)),
            self._list_kinds(),
        ]
        return groups if self._seen is None else [*groups, self._list_decades()]

    def _find_by_rarity(self, counts: list[int]) -> list[Tally]:
        rarest = min(counts, default=_DECADES[-1])
        found = [self._decades[bisect.bisect_right(_DECADES, rarest)]]
        if not rarest:
            found.append(self._unseen)
        if any(0 < count < RARE_BELOW for count in counts):
            found.append(self._rare)
        return found

    def _list_kinds(self) -> Group:
        note = "A line may be of several kinds"
        slices = [
            Slice("a character twice in a row", self._repeats),
            Slice("none twice in a row", self._plain),
        ]
        if self._seen is None:
            note += "; which characters training had is not known here"
        else:
            note += f"; rare is what training had 1 to {RARE_BELOW - 1} times"
            slices += [
                Slice("a rare character", self._rare),
                Slice("one that training never had", self._unseen),
            ]
        return Group("kind", "Repeats and rare characters", "with", slices, f"{note}.")

    def _list_decades(self) -> Group:
        note = "How often training had the one of a line's characters that it had least."
        slices = [Slice(*row) for row in zip(_DECADE_NAMES, self._decades, strict=True)]
        return Group("rarest", "Rarest character of a line", "in training", slices, note)


def has_repeat(text: str) -> bool:
    """Whether a character stands twice in a row, which CTC reads only with a blank between."""
    return any(a == b for a, b in itertools.pairwise(text))


def _find(tallies: dict[int, Tally], value: int) -> Tally:
    if value not in tallies:
        tallies[value] = Tally()
    return tallies[value]


def _join_values(tallies: dict[int, Tally]) -> list[Slice]:
    """Slices of rising values: each alone where they are few, else in even steps, the tails apart."""
    if len(tallies) <= _MOST_STEPS:
        return [Slice(_name(value, value), tallies[value], value, value) for value in sorted(tallies)]
    low, high = _find_share(tallies, _TAIL), _find_share(tallies, 1 - _TAIL)
    step = _choose_step((high - low + 1) / _MOST_STEPS)
    first, last = low // step - 1, high // step + 1
    joined = {place: Tally() for place in range(first, last + 1)}
    for value, tally in tallies.items():
        joined[min(max(value // step, first), last)].merge(tally)
    places = [place for place in joined if joined[place].lines or first < place < last]
    lows = [min(tallies), *(place * step for place in places[1:])]
    highs = [*(low - 1 for low in lows[1:]), max(tallies)]
    return [Slice(_name(*ends), joined[place], *ends) for place, *ends in zip(places, lows, highs, strict=True)]


def _name(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _find_share(tallies: dict[int, Tally], share: float) -> int:
    """The value that this share of all lines does not exceed."""
    goal, count = share * sum(tally.lines for tally in tallies.values()), 0
    for value in sorted(tallies):
        count += tallies[value].lines
        if count >= goal:
            return value
    raise ValueError("no lines")


def _choose_step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, ... that is not less."""
    power = 10 ** max(0, math.floor(math.log10(least)) if least > 0 else 0)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least)
