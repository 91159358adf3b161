"""Bar charts of counts, drawn with Pillow alone."""

import math

import PIL.Image
import PIL.ImageDraw

from densenet_ocr.beam_jobs.inspection.counts import rank, tell_counts
from densenet_ocr.pipeline.ui.picture import BAR, GREY, INK, RULE, SHADE, Colour, Typeface, new_sheet

TITLE_SIZE, NOTE_SIZE = 16, 12

# Rows of pixels above the bars, for title and note, and below them, for what they stand for.
_ABOVE, _BELOW = 52, 22

# A histogram has this many bars at least, so that one value alone is not a wall, and none is thinner than this.
_FEWEST_BARS, _THINNEST = 15, 6

# Where each bar has this room, it stands over its character; else characters stand by rank, in logarithms.
_NAME_PIXELS = 14

# Decades that a count of one is drawn high where counts are in logarithms.
_ONE = 0.3


class Chart:
    """A sheet with title, note and rules, and room for bars; across and upwards all is shares of the room."""

    def __init__(self, size: tuple[int, int], title: str, note: str, rules: dict[str, float], face: Typeface):
        """Draws title and note, in `face`, and a rule for each label of `rules`."""
        self.sheet, self.face = new_sheet(*size), face.at(NOTE_SIZE)
        self._draw = PIL.ImageDraw.Draw(self.sheet)
        self._plain = Typeface(NOTE_SIZE)
        Typeface(TITLE_SIZE).draw(self.sheet, (0, TITLE_SIZE), title, INK)
        self.face.draw(self.sheet, (0, TITLE_SIZE + 20), note, GREY)
        self._left = max(map(self._plain.measure, rules), default=0) + 6 * bool(rules)
        self.width, self.height = size[0] - self._left, size[1] - _ABOVE - _BELOW
        for label, share in rules.items():
            y = self._y(share)
            self._draw.line((self._left, y, size[0], y), RULE)
            self._plain.draw(self.sheet, (self._left - 6, y), label, GREY, anchor="rm")

    def bar(self, start: float, end: float, share: float, colour: Colour = BAR) -> None:
        """A bar across from `start` to `end`, with a pixel of paper behind it if it is not the thinnest."""
        left, right = self._x(start), self._x(end)
        right -= 2 if right - left > 3 else 1
        if share > 0:
            self._draw.rectangle((left, min(self._y(share), self._y(0) - 1), right, self._y(0) - 1), colour)

    def label(self, at: float, text: str, colour: Colour = GREY) -> None:
        """A text below the bars, around a place but within the sheet."""
        half = self.face.measure(text) / 2
        x = min(max(self._x(at), half), self.sheet.width - half)
        self.face.draw(self.sheet, (round(x), self._y(0) + 15), text, colour, anchor="ms")

    def remark(self, at: float, text: str) -> None:
        """A text among the bars, around a place; left out where it would lie over what is beside it."""
        half = self.face.measure(text) / 2 + 4
        if self._x(at) + half <= self.sheet.width:
            self.face.draw(self.sheet, (self._x(at), self._y(0.5)), text, GREY, anchor="mm")

    def close(self) -> PIL.Image.Image:
        """Draws the line that the bars stand on; returns the sheet."""
        self._draw.line((self._left, self._y(0), self.sheet.width, self._y(0)), GREY)
        return self.sheet

    def _x(self, share: float) -> int:
        return self._left + round(share * self.width)

    def _y(self, share: float) -> int:
        return _ABOVE + round((1 - share) * self.height)


def draw_histogram(counts: dict[int, int], *, size: tuple[int, int], title: str) -> PIL.Image.Image:
    """A bar a value; neighbours share one where there are more values than bars fit."""
    start, step, bars = _bin(counts, size[0] // (2 * _THINNEST))
    chart = Chart(size, title, tell_counts(counts), _rule(max(bars)), Typeface(NOTE_SIZE))
    for number, count in enumerate(bars):
        chart.bar(number / len(bars), (number + 1) / len(bars), count / max(bars))
    every = _nice_step(len(bars), chart.width // 48)
    for number in range(-(start // step) % every, len(bars), every):
        # One value stands below the middle of its bar, the first of many below its edge.
        chart.label((number + 0.5 * (step == 1)) / len(bars), f"{start + number * step:,}")
    return chart.close()


def draw_ranks(
    counts: dict[int, int], characters: str, *, size: tuple[int, int], face: Typeface
) -> PIL.Image.Image:
    """How often each character was seen, the most frequent first; the shade is for those that never were."""
    total, ranked = len(characters), rank(counts)
    names = ["' '" if character == " " else character for character in characters]
    named = total * _NAME_PIXELS <= size[0]
    note = f"{len(ranked):,} of {total:,} seen, {total - len(ranked):,} never"
    if not named:
        note = _add_frequent(note, [names[k] for k in ranked], size[0], face.at(NOTE_SIZE))
    most = max(counts.values(), default=1)
    rules = {f"{10**power:,}": _height(10**power, most) for power in range(math.floor(math.log10(most)) + 1)}
    chart = Chart(size, "characters by frequency, log scale", note, rules, face)
    heights = [_height(counts[k], most) for k in ranked]
    if named:
        unseen = [k for k in range(total) if k not in counts]
        _draw_by_name(chart, heights, [names[k] for k in ranked + unseen])
    else:
        _draw_by_rank(chart, heights, total)
    return chart.close()


def draw_reasons(refused: dict[str, int], *, size: tuple[int, int], read: int) -> PIL.Image.Image:
    """Rows that were refused, a bar from left to right for each reason."""
    total = sum(refused.values())
    chart = Chart(size, "rows refused", f"{total:,} of {read:,}, {total / read:.2%}", {}, Typeface(NOTE_SIZE))
    names = max(map(chart.face.measure, refused)) + 8
    counts = max(chart.face.measure(f"{count:,}") for count in refused.values()) + 8
    pitch = min(24, (size[1] - _ABOVE) // len(refused))
    for number, (reason, count) in enumerate(sorted(refused.items(), key=lambda item: -item[1])):
        middle = _ABOVE + number * pitch + pitch // 2
        length = max(1, round(count / max(refused.values()) * (size[0] - names - counts)))
        chart.face.draw(chart.sheet, (names - 8, middle), reason, INK, anchor="rm")
        bar = (names, middle - pitch // 2 + 2, names + length - 1, middle + pitch // 2 - 3)
        PIL.ImageDraw.Draw(chart.sheet).rectangle(bar, BAR)
        chart.face.draw(chart.sheet, (names + length + 6, middle), f"{count:,}", GREY, anchor="lm")
    return chart.sheet


def _add_frequent(note: str, names: list[str], width: int, face: Typeface) -> str:
    """A note with as many of the most frequent characters as stand in its line."""
    longer = [f"{note}; most frequent {' '.join(names[:count])}" for count in (6, 5, 4, 3, 2, 1)]
    return next((text for text in longer if face.measure(text) <= width), note)


def _draw_by_rank(chart: Chart, heights: list[float], total: int) -> None:
    """A bar a column of pixels; ranks are in logarithms, so that the frequent few do not hide at the edge."""
    for x in range(chart.width):
        place = int(total ** (x / (chart.width - 1)) + 1e-9) - 1
        seen = place < len(heights)
        chart.bar(x / chart.width, (x + 1) / chart.width, heights[place] if seen else 1, BAR if seen else SHADE)
    if len(heights) < total:
        chart.remark((math.log(len(heights) + 1, total) + 1) / 2, "never seen")
    powers = range(math.ceil(math.log10(total / 2)))
    for number in (*(10**power for power in powers), total):
        chart.label(math.log(number, total), f"{number:,}")


def _draw_by_name(chart: Chart, heights: list[float], names: list[str]) -> None:
    for place, name in enumerate(names):
        seen = place < len(heights)
        start, end = place / len(names), (place + 1) / len(names)
        chart.bar(start, end, heights[place] if seen else 1, BAR if seen else SHADE)
        chart.label((start + end) / 2, name, INK if seen else GREY)


def _bin(counts: dict[int, int], most: int) -> tuple[int, int, list[int]]:
    """Where bars begin, values of each, and counts of `most` bars at most."""
    low, high = min(counts, default=0), max(counts, default=0)
    step = _nice_step(high - low + 1, most - 1)
    start = low // step * step
    bars = (high - start) // step + 1
    missing = max(0, _FEWEST_BARS - bars)
    start = max(0, start - missing // 2 * step)
    sums = [0] * ((high - start) // step + 1 + missing - missing // 2)
    for value, count in counts.items():
        sums[(value - start) // step] += count
    return start, step, sums


def _height(count: int, most: int) -> float:
    return (math.log10(count) + _ONE) / (math.log10(most) + _ONE)


def _rule(most: int) -> dict[str, float]:
    """Labels and places of some round counts."""
    step = _nice_step(most, 5)
    return {f"{count:,}": count / most for count in range(step, most + 1, step)} if most else {}


def _nice_step(span: int, most: int) -> int:
    """The least of 1, 2, 5, 10, 20, ... that divides a span into at most so many parts."""
    step = 1
    while span / step > max(1, most):
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step
