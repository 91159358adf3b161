"""Distribution of the number of characters per line: a number, a range, or several of them by weight."""

import dataclasses
import fractions
import math
import re
from collections.abc import Callable, Sequence

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.plan import draw_weighted, to_integers
from densenet_ocr.pipeline.errors import UserError

_PART = re.compile(r"(?P<first>\d{1,4})(-(?P<last>\d{1,4}))?(=(?P<weight>\d{1,6}(\.\d{1,6})?))?", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Lengths:
    """Numbers of characters, ascending, and a positive integer weight for each."""

    values: tuple[int, ...]
    weights: tuple[int, ...]

    @property
    def longest(self) -> int:
        """The largest number of characters."""
        return self.values[-1]

    def keep(self, fits: Callable[[int], bool]) -> "Lengths":
        """Returns the lengths that fit."""
        kept = [pair for pair in zip(self.values, self.weights, strict=True) if fits(pair[0])]
        return Lengths(tuple(value for value, _ in kept), tuple(weight for _, weight in kept))

    def draw(self, random: np.random.Generator, count: int) -> np.ndarray:
        """Returns lengths by weight, int64 [count]."""
        return np.array(self.values)[draw_weighted(random, to_integers(self.weights), count)]


def parse_lengths(text: str) -> Lengths:
    """Parses `10`, `4-20` (all equally often) or `10=3,4-20=1`.

    A weight belongs to its whole part: in `10=3,4-20=1` three of four lines have 10 characters, one has 4 to
    20. The weights of a number in several parts add up.

    Raises:
      UserError: the text is none of these.
    """
    weights: dict[int, fractions.Fraction] = {}
    for part in text.split(","):
        found = _PART.fullmatch(part.strip())
        first, last = (int(found["first"]), int(found["last"] or found["first"])) if found else (0, 0)
        weight = fractions.Fraction((found and found["weight"]) or 1)
        if not 1 <= first <= last or not weight:
            raise UserError(
                "length",
                received=repr(text),
                expected="characters per line (10), a range (4-20), or several of these with weights above 0 "
                "(10=3,4-20=1)",
                remedy="Set --length.",
            )
        for value in range(first, last + 1):
            weights[value] = weights.get(value, fractions.Fraction()) + weight / (last - first + 1)
    scale = math.lcm(*(weight.denominator for weight in weights.values()))
    return Lengths(tuple(sorted(weights)), tuple(int(weights[value] * scale) for value in sorted(weights)))


def format_numbers(numbers: Sequence[int]) -> str:
    """Formats ascending numbers, with runs as first-last: `2, 4-9`."""
    array = np.asarray(numbers)
    runs = np.split(array, np.flatnonzero(np.diff(array) > 1) + 1)
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
