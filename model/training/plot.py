"""Lines over epochs, drawn with Pillow alone: scales with readable ticks, and panels to draw lines in."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import PIL.Image
import PIL.ImageDraw

from densenet_ocr.pipeline.ui.picture import GREY, INK, RULE, Colour, Typeface, new_sheet

TEXT_SIZE = 12

# Pixels around a panel's plot: numbers stand at its left, the heading above it, epochs below.
_LEFT, _RIGHT, _ABOVE, _BELOW = 60, 16, 34, 24

# Lines are drawn this many times as large and scaled down: Pillow's own have jagged edges.
_FINE = 4

# Up to so many epochs each one is a dot; so many ticks at most stand below a panel.
_DOTTED, _EPOCH_TICKS = 60, 14

# A linear axis would show as 0 what is this many times less than its highest value.
_LOG_RATIO = 50


class Scale(NamedTuple):
    """An axis from `low` to `high`, and the values on it that are told."""

    low: float
    high: float
    ticks: list[float]
    is_log: bool = False

    def place(self, value: float) -> float:
        """Where on the axis, from 0 to 1, a number is; beyond an end counts as the end."""
        value = min(max(value, self.low), self.high)
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


class Line(NamedTuple):
    """A line of a panel: a value for each epoch, gaps where it is no number; `width` is in pixels."""

    name: str
    values: list[float]
    colour: Colour
    width: int = 2


class Panel:
    """A sheet with a heading, an axis at its side and epochs below, which lines are drawn in."""

    def __init__(self, size: tuple[int, int], scale: Scale, tell: Callable[[float], str], epochs: list[int]):
        """Draws rules and numbers, which `tell` writes; `epochs` rise, and are what lines have values of."""
        self.sheet, self._scale, self._tell, self._epochs = new_sheet(*size), scale, tell, epochs
        self._draw, self._face = PIL.ImageDraw.Draw(self.sheet), Typeface(TEXT_SIZE)
        self._width, self._height = size[0] - _LEFT - _RIGHT, size[1] - _ABOVE - _BELOW
        self._legend_x = 0
        for value in scale.ticks:
            y = round(self._y(value))
            self._draw.line((_LEFT, y, size[0] - _RIGHT, y), RULE)
            self._face.draw(self.sheet, (_LEFT - 8, y), tell(value), GREY, anchor="rm")
        for epoch in choose_epochs(epochs[0], epochs[-1]):
            x, y = round(self._x(epoch)), _ABOVE + self._height
            self._draw.line((x, y, x, y + 3), GREY)
            self._face.draw(self.sheet, (x, y + 16), f"{epoch:,}", GREY, anchor="ms")
        self._draw.line((_LEFT, self._y(scale.low), size[0] - _RIGHT, self._y(scale.low)), GREY)

    def head(self, title: str) -> None:
        """Writes the heading, which the lines' names follow."""
        self._face.draw(self.sheet, (0, TEXT_SIZE), title, INK)
        self._legend_x = self._face.measure(title) + 28

    def mark(self, number: int, text: str) -> None:
        """A dashed line from top to bottom at epoch `number` of those there are, with a text over it."""
        x, bottom = round(self._x(self._epochs[number])), _ABOVE + self._height
        for y in range(_ABOVE, bottom, 6):
            self._draw.line((x, y, x, min(y + 2, bottom)), GREY)
        self._face.draw(self.sheet, (x, _ABOVE - 5), text, GREY, anchor="ms")

    def line(self, line: Line, told: int) -> None:
        """Draws a line, and in the heading its name with its value at epoch `told` of those there are."""
        points = [
            (self._x(epoch), self._y(value)) for epoch, value in zip(self._epochs, line.values, strict=True)
        ]
        mask = draw_mask(self.sheet.size, split_at_gaps(points), line.width, dotted=len(points) <= _DOTTED)
        self.sheet.paste(line.colour, mask=mask)
        value = line.values[told]
        self._add_to_legend(line, f"{line.name} {self._tell(value) if math.isfinite(value) else 'no number'}")

    def _add_to_legend(self, line: Line, text: str) -> None:
        x, y = self._legend_x, TEXT_SIZE - 4
        self._draw.line((x, y, x + 18, y), line.colour, line.width)
        self._face.draw(self.sheet, (x + 24, TEXT_SIZE), text, INK)
        self._legend_x = x + 24 + self._face.measure(text) + 24

    def _x(self, epoch: int) -> float:
        first, last = self._epochs[0], self._epochs[-1]
        # Half an epoch, or a dot's room, stays free at both ends.
        room = min(self._width / (last - first + 1) / 2, 40)
        share = (epoch - first) / (last - first) if last > first else 0.5
        return _LEFT + room + share * (self._width - 2 * room)

    def _y(self, value: float) -> float:
        """Rows from the top; nan where the value is no number."""
        return _ABOVE + (1 - self._scale.place(value)) * self._height if math.isfinite(value) else math.nan


def draw_mask(
    size: tuple[int, int], strokes: Iterable[list[tuple[float, float]]], width: int, *, dotted: bool
) -> PIL.Image.Image:
    """Smooth strokes through points (x, y) as a mask, mode L; a stroke of one point is a dot in any case."""
    mask = PIL.Image.new("L", (size[0] * _FINE, size[1] * _FINE))
    draw, radius = PIL.ImageDraw.Draw(mask), (width + 0.5) * _FINE
    for stroke in strokes:
        points = [(_FINE * (x + 0.5), _FINE * (y + 0.5)) for x, y in stroke]
        draw.line(points, 255, width * _FINE, joint="curve" if dotted else None)
        for x, y in points if dotted or len(points) == 1 else ():
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), 255)
    return mask.reduce(_FINE)


def split_at_gaps(points: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Points (x, y) in strokes without a nan."""
    strokes = [[]]
    for point in points:
        if math.isnan(point[1]):
            strokes.append([])
        else:
            strokes[-1].append(point)
    return [stroke for stroke in strokes if stroke]


def choose_scale(values: Iterable[float], *, ticks: int = 7, may_be_log: bool = True) -> Scale:
    """A scale for numbers of 0 or more, with `ticks` told ones at most; what is no number does not count.

    It begins at 0, or is in logarithms where the highest number is over 50 times the lowest one above 0.
    """
    numbers = [value for value in values if math.isfinite(value) and value > 0]
    if not numbers:
        return Scale(0.0, 1.0, [0.0, 1.0])
    least, most = min(numbers), max(numbers)
    if may_be_log and most / least > _LOG_RATIO:
        return _make_log_scale(least, most, ticks)
    # With room above, so that a line that stays where it is does not lie on the edge.
    steps = _list_round_numbers(most / ticks, most)
    step = next(step for step in steps if 1.05 * most / step <= ticks - 1)
    count = math.ceil(1.05 * most / step)
    return Scale(0.0, count * step, [number * step for number in range(count + 1)])


def choose_epochs(first: int, last: int) -> list[int]:
    """The epochs to tell between two: multiples of a round number, and the first where it has room."""
    steps = (scale * power for power in (10**k for k in range(20)) for scale in (1, 2, 5))
    step = next(step for step in steps if (last - first) / step < _EPOCH_TICKS)
    ticks = list(range(-(-first // step) * step, last + 1, step))
    return ticks if ticks and ticks[0] - first < step / 2 else [first, *ticks]


def tell_number(value: float) -> str:
    """A number in four digits at most, such as 0.002, 3.142, 12,500 and 2e-6."""
    if value and not 1e-4 <= abs(value) < 1e6:
        digits, exponent = f"{value:.2e}".split("e")
        return f"{float(digits):g}e{int(exponent)}"
    return f"{float(f'{value:.4g}'):,.{_count_decimals(value)}f}"


def _count_decimals(value: float) -> int:
    """Decimals that a number rounded to four digits takes."""
    return len(f"{value:.4g}".partition(".")[2]) if abs(value) < 1e4 else 0


def _make_log_scale(least: float, most: float, count: int) -> Scale:
    numbers = _list_round_numbers(least, most)
    low = max(number for number in numbers if number <= least)
    high = min(number for number in numbers if number >= most)
    ticks = [number for number in numbers if low <= number <= high]
    if len(ticks) > count:
        ticks = [number for number in ticks if f"{number:e}".startswith("1.0")]
    return Scale(low, high, ticks[:: math.ceil(len(ticks) / count)], is_log=True)


def _list_round_numbers(least: float, most: float) -> list[float]:
    """1, 2 and 5 times the powers of ten from below one number to above another."""
    powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 2)
    return [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
