"""How many characters lines have: a number, a range, or several of them by weight."""

import dataclasses
import fractions
import math
import re

import numpy as np

from densenet_ocr.pipeline.errors import UserError

_PART = re.compile(r"(?P<first>\d{1,4})(-(?P<last>\d{1,4}))?(=(?P<weight>\d{1,6}(\.\d{1,6})?))?", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Lengths:
    """Numbers of characters, ascending, and a whole weight above 0 for each."""

    values: tuple[int, ...]
    weights: tuple[int, ...]

    @property
    def longest(self) -> int:
        """The largest number of characters."""
        return self.values[-1]

    @property
    def mean(self) -> float:
        """The number of characters of a line on average."""
        return float(np.average(self.values, weights=self.weights))


def parse_lengths(text: str) -> Lengths:
    """Lengths of `10`, `4-20` (each as often) or `10=3,4-20=1`; raises UserError.

    A weight is that of its whole part: three lines of four have 10 characters, one has 4 to 20. What stands in
    several parts adds up.
    """
    weights: dict[int, fractions.Fraction] = {}
    for part in text.split(","):
        found = _PART.fullmatch(part.strip())
        first, last = (int(found["first"]), int(found["last"] or found["first"])) if found else (0, 0)
        weight = fractions.Fraction((found and found["weight"]) or 1)
        if not 1 <= first <= last or not weight:
            raise _refuse(text)
        for value in range(first, last + 1):
            weights[value] = weights.get(value, 0) + weight / (last - first + 1)
    whole = math.lcm(*(weight.denominator for weight in weights.values()))
    return Lengths(tuple(sorted(weights)), tuple(int(weights[value] * whole) for value in sorted(weights)))


def _refuse(text: str) -> UserError:
    return UserError(
        "length",
        received=repr(text),
        expected="characters a line (10), a range (4-20), or some of these with weights above 0 (10=3,4-20=1)",
        remedy="Set --length.",
    )
