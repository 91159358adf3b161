"""A report's charts as SVG that takes its colours from the page and its size from the room that there is."""

from collections.abc import Iterable
from typing import NamedTuple

from densenet_ocr.model.report.calibration import Bin, Calibration
from densenet_ocr.model.report.markup import Child, Markup, element
from densenet_ocr.model.report.slices import Slice
from densenet_ocr.model.report.wording import tell_confidence, tell_count, tell_interval, tell_share

# Units of a drawing; on a phone of 360 pixels one is about a pixel, so that its texts can be read there.
_WIDTH, _LEFT, _RIGHT, _TOP = 360, 42, 10, 10
_PLOT, _STRIP, _GAP = 132, 22, 8
_SQUARE = 230

# Width of a digit of a label, and what is free between two labels.
_DIGIT, _BETWEEN = 6.2, 10

# Few columns are not stretched over the whole chart.
_WIDEST_COLUMN = 48

# Where an axis of shares may begin, the highest last, and its ticks' distance.
_AXES = ((0.0, 0.2), (0.5, 0.1), (0.8, 0.05), (0.9, 0.02), (0.95, 0.01), (0.98, 0.005), (0.99, 0.002))


class _Axis(NamedTuple):
    """Shares from `low` to 1 upwards from y = `bottom` to y = `top`."""

    low: float
    step: float
    top: float
    bottom: float

    def place(self, share: float) -> float:
        """The y of a share; what is below the axis is at its bottom."""
        return self.bottom - (max(share, self.low) - self.low) / (1 - self.low) * (self.bottom - self.top)

    def draw(self) -> list[Markup]:
        """Rules and their shares."""
        count = round((1 - self.low) / self.step)
        return [part for k in range(count + 1) for part in self._draw_tick(self.low + k * self.step)]

    def _draw_tick(self, share: float) -> list[Markup]:
        y = self.place(share)
        label = f"{round(100 * share, 2):g}%"
        return [
            _draw_line(_LEFT, y, _WIDTH - _RIGHT, y, "rule"),
            _write(_LEFT - 6, y + 3.5, label, "end"),
        ]


def draw_slices(slices: list[Slice], *, title: str, unit: str) -> Markup:
    """Exact match of two or more slices of rising values, with 95 % intervals, over their numbers of lines."""
    axis = _choose_axis(slices)
    column = min((_WIDTH - _LEFT - _RIGHT) / len(slices), _WIDEST_COLUMN)
    most = max(part.tally.lines for part in slices)
    points = [_draw_point(part, axis, _LEFT + (k + 0.5) * column) for k, part in enumerate(slices)]
    bars = [_draw_bar(part.tally.lines / most, k, column) for k, part in enumerate(slices)]
    height = _TOP + _PLOT + _GAP + _STRIP + 34
    parts = [*axis.draw(), *bars, *points, *_label(slices, column), _write(_LEFT, height - 3, unit, "start")]
    lines = _write(_LEFT - 6, _TOP + _PLOT + _GAP + _STRIP, "lines", "end")
    return _picture(title, height, [*parts, lines])


def draw_calibration(lines: Calibration, characters: Calibration, *, title: str) -> Markup:
    """The share that is right against the confidence, of lines and of characters."""
    axis = _Axis(0.0, 0.2, _TOP, _TOP + _SQUARE)
    height = _TOP + _SQUARE + 34
    ticks = [_write(_place(k / 5), _TOP + _SQUARE + 14, f"{k / 5:g}", "middle") for k in range(6)]
    diagonal = _draw_line(_place(0), axis.place(0), _place(1), axis.place(1), "ideal")
    series = [
        _draw_bin(part, axis, name)
        for name, calibration in (("character", characters), ("line", lines))
        for part in calibration.bins()
        if part.count
    ]
    caption = _write(_LEFT, height - 3, "confidence, from 0 to 1; upwards the share that is right", "start")
    return _picture(title, height, [*axis.draw(), *ticks, diagonal, *series, caption])


def _choose_axis(slices: list[Slice]) -> _Axis:
    """The axis that begins highest of those that hold all intervals."""
    least = min(part.tally.exact_match_95[0] for part in slices if part.tally.lines)
    low, step = max(axis for axis in _AXES if axis[0] <= least)
    return _Axis(low, step, _TOP, _TOP + _PLOT)


def _draw_point(part: Slice, axis: _Axis, x: float) -> Markup | None:
    tally = part.tally
    if not tally.lines:
        return None
    lines = tell_count(tally.lines, "line")
    told = f"{part.name}: {tell_share(tally.exact_match)} of {lines}, {tell_interval(tally.exact_match_95)}"
    dot = element("circle", cx=_tell(x), cy=_tell(axis.place(tally.exact_match)), r=3.2, class_="dot")
    return element("g", element("title", told), _draw_whisker(x, tally.exact_match_95, axis, ""), dot)


def _draw_bin(part: Bin, axis: _Axis, name: str) -> Markup:
    told = (
        f"{tell_count(part.count, name)} with confidence {part.low:g} to {part.high:g}, "
        f"{tell_confidence(part.confidence)} on average: {tell_share(part.right)} right"
    )
    x, y = _place(part.confidence), axis.place(part.right)
    if name == "line":
        mark = element("circle", cx=_tell(x), cy=_tell(y), r=4, class_="dot")
    else:
        mark = element("path", d=f"M{_tell(x)} {_tell(y - 5)}l5 5l-5 5l-5 -5z", class_="diamond")
    return element("g", element("title", told), _draw_whisker(x, part.right_95, axis, f" of-{name}"), mark)


def _draw_whisker(x: float, interval: tuple[float, float], axis: _Axis, kind: str) -> Markup:
    low, high = map(axis.place, interval)
    return _draw_line(x, low, x, high, f"whisker{kind}")


def _draw_bar(share: float, k: int, column: float) -> Markup | None:
    if not share:
        return None
    height = max(share * _STRIP, 1)
    bottom = _TOP + _PLOT + _GAP + _STRIP
    return element(
        "rect",
        x=_tell(_LEFT + (k + 0.12) * column),
        y=_tell(bottom - height),
        width=_tell(0.76 * column),
        height=_tell(height),
        class_="bar",
    )


def _label(slices: list[Slice], column: float) -> list[Markup]:
    """Values below the columns, or at the edges of columns of several; as many as there is room for."""
    joined = any(part.low != part.high for part in slices)
    values = [part.low for part in slices] + [slices[-1].high] * joined
    room = max(len(f"{value:,}") for value in values) * _DIGIT + _BETWEEN
    every = max(1, -(-room // column))
    y = _TOP + _PLOT + _GAP + _STRIP + 14
    return [
        _write(_LEFT + (k + 0.5 * (not joined)) * column, y, f"{value:,}", "middle")
        for k, value in enumerate(values)
        if not k % every
    ]


def _place(confidence: float) -> float:
    """The x of a confidence in the square of a calibration."""
    return _LEFT + min(confidence, 1) * (_WIDTH - _LEFT - _RIGHT)


def _draw_line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return element("line", x1=_tell(x1), y1=_tell(y1), x2=_tell(x2), y2=_tell(y2), class_=kind)


def _write(x: float, y: float, text: str, anchor: str) -> Markup:
    return element("text", text, x=_tell(x), y=_tell(y), text_anchor=anchor)


def _picture(title: str, height: float, parts: Iterable[Child]) -> Markup:
    return element(
        "svg", parts, viewBox=f"0 0 {_WIDTH} {_tell(height)}", role="img", aria_label=title, class_="chart"
    )


def _tell(length: float) -> str:
    return f"{length:.1f}".removesuffix(".0")
