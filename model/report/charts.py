"""Geometry of the report's SVG charts, which page/charts.html draws.

Units are those of a drawing 360 wide: on a phone one is about a pixel, so that labels stay readable.
"""

import dataclasses
from typing import NamedTuple

from densenet_ocr.model.report.slices import Slice

WIDTH, LEFT, RIGHT, TOP = 360, 42, 10, 10
PLOT, STRIP, GAP = 132, 22, 8
SQUARE = 230

# Width of a digit of a label, and the least space between two labels.
_DIGIT, _BETWEEN = 6.2, 10

# Few columns are not stretched over the whole chart.
_WIDEST_COLUMN = 48

# (start of the axis, distance of its ticks) for shares, by rising start.
_AXES = ((0.0, 0.2), (0.5, 0.1), (0.8, 0.05), (0.9, 0.02), (0.95, 0.01), (0.98, 0.005), (0.99, 0.002))


@dataclasses.dataclass(frozen=True)
class Axis:
    """Shares from `low` to 1, upwards from y = `bottom` to y = `top`."""

    low: float
    step: float
    top: float
    bottom: float

    def place(self, share: float) -> float:
        """Returns the y of a share; what is below the axis is at its bottom."""
        return self.bottom - (max(share, self.low) - self.low) / (1 - self.low) * (self.bottom - self.top)

    @property
    def ticks(self) -> list[float]:
        """The shares at the axis's rules."""
        return [self.low + k * self.step for k in range(round((1 - self.low) / self.step) + 1)]


class Label(NamedTuple):
    """A value below the columns, at an x."""

    x: float
    text: str


class SlicesChart:
    """Exact match of two or more slices of rising values, over their numbers of lines."""

    def __init__(self, slices: list[Slice]) -> None:
        self.slices = slices
        self.column = min((WIDTH - LEFT - RIGHT) / len(slices), _WIDEST_COLUMN)
        self.most = max(part.tally.lines for part in slices)
        # The axis that starts highest of those that hold all intervals.
        least = min(part.tally.exact_match_95[0] for part in slices if part.tally.lines)
        self.axis = Axis(*max(axis for axis in _AXES if axis[0] <= least), TOP, TOP + PLOT)

    @property
    def labels(self) -> list[Label]:
        """Values below columns, or at the edges of columns of several values; as many as there is room for."""
        joined = any(part.low != part.high for part in self.slices)
        values = [part.low or 0 for part in self.slices]
        values += [self.slices[-1].high or 0] * joined
        room = max(len(f"{value:,}") for value in values) * _DIGIT + _BETWEEN
        every = max(1, int(-(-room // self.column)))
        shift = 0 if joined else 0.5
        return [
            Label(LEFT + (k + shift) * self.column, f"{value:,}")
            for k, value in enumerate(values)
            if not k % every
        ]


def place_confidence(confidence: float) -> float:
    """Returns the x of a confidence in a reliability diagram."""
    return LEFT + min(confidence, 1) * (WIDTH - LEFT - RIGHT)


RELIABILITY_AXIS = Axis(0.0, 0.2, TOP, TOP + SQUARE)
