"""Scores by kind of line: by length, width, repeats, and how rare the characters are."""

import bisect
import collections
import dataclasses
import itertools
import math
from typing import Any, NamedTuple

from densenet_ocr.model.network.metrics import wilson_interval

# A character is rare that occurs fewer times in the training data.
RARE_BELOW = 100

# Occurrences in training of a line's rarest character: never, from 1, from 10, from 100, from 1,000.
_DECADES = (1, 10, 100, 1000)
_DECADE_NAMES = ("never", "1 to 9 times", "10 to 99 times", "100 to 999 times", "1,000 times or more")

_REPEAT, _PLAIN = "a character twice in a row", "none twice in a row"
_RARE, _UNSEEN = "a rare character", "one that training never had"
_KINDS = (_REPEAT, _PLAIN, _RARE, _UNSEEN)

# Up to this many lengths or widths have a slice each; more are joined in as many steps, which hold all
# lines but a hundredth at each end.
_MOST_STEPS, _TAIL = 12, 0.01


@dataclasses.dataclass(slots=True)
class Tally:
    """Sums over lines: lines, lines read exactly, edits, characters of the truth."""

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
        """Adds another tally's lines."""
        self.lines += other.lines
        self.exact += other.exact
        self.edits += other.edits
        self.characters += other.characters

    def describe(self) -> dict[str, Any]:
        """Returns the figures as report.json has them."""
        return {
            "lines": self.lines,
            "exact": self.exact,
            "exact_match": self.exact_match,
            "exact_match_95": list(self.exact_match_95),
            "edits": self.edits,
            "characters": self.characters,
            "cer": self.cer,
        }

    @property
    def exact_match(self) -> float | None:
        """Share of the lines that were read exactly, from 0 to 1; None without lines."""
        return self.exact / self.lines if self.lines else None

    @property
    def exact_match_95(self) -> tuple[float, float]:
        """Wilson's 95 % interval of that share."""
        return wilson_interval(self.exact, self.lines)

    @property
    def cer(self) -> float | None:
        """Character error rate: edits over characters of the truth; None without characters."""
        return self.edits / self.characters if self.characters else None


class Slice(NamedTuple):
    """Lines of one kind.

    Attributes:
      name: The kind, as the page shows it.
      tally: Their sums.
      low: Least value, for slices of lengths or widths.
      high: Greatest value.
    """

    name: str
    tally: Tally
    low: int | None = None
    high: int | None = None

    def describe(self) -> dict[str, Any]:
        """Returns the figures as report.json has them."""
        return {"name": self.name, "low": self.low, "high": self.high, **self.tally.describe()}

    def compare(self, overall: Tally) -> str:
        """Returns "below" or "above" where the 95 % interval excludes the exact match of all lines, else ""."""
        low, high = self.tally.exact_match_95
        if not self.tally.lines or overall.exact_match is None or low <= overall.exact_match <= high:
            return ""
        return "below" if high < overall.exact_match else "above"


class Group(NamedTuple):
    """Slices that belong together.

    Attributes:
      name: Name in report.json.
      title: Title on the page.
      unit: What the slices' names are.
      slices: The slices.
      note: What else there is to know.
    """

    name: str
    title: str
    unit: str
    slices: list[Slice]
    note: str = ""

    @property
    def filled(self) -> list[Slice]:
        """The slices for a table: those with lines, and kinds without."""
        return [part for part in self.slices if part.tally.lines or part.low is None]


class Slices:
    """Counts lines by kind; keeps only sums, as many as there are lengths and widths."""

    def __init__(self, seen: dict[str, int] | None) -> None:
        """Takes how often each character occurs in training, or None where that is not known."""
        self.overall, self._seen = Tally(), seen
        self._lengths: dict[int, Tally] = collections.defaultdict(Tally)
        self._widths: dict[int, Tally] = collections.defaultdict(Tally)
        self._kinds = {name: Tally() for name in (_KINDS[:2] if seen is None else _KINDS)}
        self._decades = {name: Tally() for name in _DECADE_NAMES}

    def add(self, truth: str, width: int, edits: int) -> None:
        """Counts a line of `width` pixels that was read with `edits` edits."""
        tallies = [
            self.overall,
            self._lengths[len(truth)],
            self._widths[width],
            self._kinds[_REPEAT if has_repeat(truth) else _PLAIN],
        ]
        if self._seen is not None:
            tallies += self._find_by_rarity([self._seen.get(character, 0) for character in truth])
        for tally in tallies:
            tally.add(edits, len(truth))

    def groups(self) -> list[Group]:
        """Returns all slices; those by occurrences in training only where these are known."""
        groups = [
            Group("length", "Length of the truth", "characters", _join_values(self._lengths)),
            Group("width", "Width of the picture", "pixels", _join_values(self._widths)),
            self._list_kinds(),
        ]
        return groups if self._seen is None else [*groups, self._list_decades()]

    def _find_by_rarity(self, counts: list[int]) -> list[Tally]:
        rarest = min(counts, default=_DECADES[-1])
        found = [self._decades[_DECADE_NAMES[bisect.bisect_right(_DECADES, rarest)]]]
        if not rarest:
            found.append(self._kinds[_UNSEEN])
        if any(0 < count < RARE_BELOW for count in counts):
            found.append(self._kinds[_RARE])
        return found

    def _list_kinds(self) -> Group:
        known = f"rare is what training had 1 to {RARE_BELOW - 1} times"
        if self._seen is None:
            known = "which characters training had is not known here"
        note = f"A line may be of several kinds; {known}."
        return Group("kind", "Repeats and rare characters", "with", _list_slices(self._kinds), note)

    def _list_decades(self) -> Group:
        note = "How often training had the one of a line's characters that it had least."
        return Group("rarest", "Rarest character of a line", "in training", _list_slices(self._decades), note)


def has_repeat(text: str) -> bool:
    """Returns whether a character occurs twice in a row, which CTC reads only with a blank between."""
    return any(a == b for a, b in itertools.pairwise(text))


def _list_slices(tallies: dict[str, Tally]) -> list[Slice]:
    return [Slice(name, tally) for name, tally in tallies.items()]


def _join_values(tallies: dict[int, Tally]) -> list[Slice]:
    """Returns slices of rising values: one per value where they are few, else in even steps with two tails."""
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
    """Returns the value that this share of all lines does not exceed."""
    goal, count = share * sum(tally.lines for tally in tallies.values()), 0
    for value in sorted(tallies):
        count += tallies[value].lines
        if count >= goal:
            return value
    raise ValueError("no lines")


def _choose_step(least: float) -> int:
    """Returns the smallest of 1, 2, 5, 10, 20, ... that is not less than `least`."""
    power = 10 ** max(0, math.floor(math.log10(least)) if least > 0 else 0)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least)
