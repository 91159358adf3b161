"""The statistics of a split: how often each value occurs, as numbers, and as charts by matplotlib."""

import itertools
from collections.abc import Callable

import numpy as np
import PIL.Image
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import SplitInfo
from densenet_ocr.pipeline.ui.picture import BAR, GREY, INK, RULE, SHADE, FontFile

_BAR, _GREY, _INK, _RULE, _SHADE = (f"#{bytes(rgb).hex()}" for rgb in (BAR, GREY, INK, RULE, SHADE))
_DPI = 100  # any value: sizes are given in pixels
_POINTS = 72 / _DPI  # of a pixel
_TITLE_SIZE, _NOTE_SIZE = 16, 12  # pixels

# More values than this share bars, and more characters than this are drawn by rank instead of by name.
_MOST_BARS, _MOST_NAMES = 40, 24

Draw = Callable[[Axes], None]


def read_counts(split: SplitInfo, name: str) -> dict[int, int]:
    """Returns {value: occurrences} by rising value.

    Args:
      split: The split.
      name: "label_lengths", "widths", or "characters" (by class id).
    """
    counts = split.statistics.get(name, {})
    return {value: counts[str(value)] for value in sorted(map(int, counts))}


def format_range(counts: dict[int, int]) -> str:
    """Formats the least, greatest and median value of counts by rising value."""
    if not counts:
        return "none"
    if len(counts) == 1:
        return f"all {min(counts):,}"
    return f"{min(counts):,} to {max(counts):,}, median {find_median(counts):,}"


def find_median(counts: dict[int, int]) -> int:
    """Returns the lower median of values that are counted by rising value; there must be one."""
    half = sum(counts.values()) / 2
    sums = itertools.accumulate(counts.values())
    return next(value for value, below in zip(counts, sums, strict=True) if below >= half)


def rank(counts: dict[int, int]) -> list[int]:
    """Returns the values by falling count; equal ones by rising value."""
    return sorted(counts, key=lambda value: (-counts[value], value))


def draw_charts(
    split: SplitInfo, charset: Charset, *, size: tuple[int, int], font: FontFile | None
) -> PIL.Image.Image:
    """Draws the statistics of a split side by side.

    Args:
      split: The split.
      charset: The data set's characters.
      size: Width and height in pixels.
      font: Font of the characters' names; None where matplotlib's own has them.

    Returns:
      An RGB picture.
    """
    draws = _list_charts(split, charset, FontProperties(fname=font.path if font else None))
    figure = Figure(figsize=(size[0] / _DPI, size[1] / _DPI), dpi=_DPI, layout="constrained")
    for axes, draw in zip(np.atleast_1d(figure.subplots(1, max(1, len(draws)))), draws, strict=False):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(_GREY)
        axes.tick_params(length=0, labelsize=_NOTE_SIZE * _POINTS, labelcolor=_GREY)
        axes.set_axisbelow(True)
        draw(axes)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return PIL.Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _list_charts(split: SplitInfo, charset: Charset, font: FontProperties) -> list[Draw]:
    """Returns what draws the charts that show more than the heading does."""
    lengths, widths, characters = (
        read_counts(split, name) for name in ("label_lengths", "widths", "characters")
    )
    charts: list[Draw] = []
    if lengths:
        charts.append(lambda axes: draw_histogram(axes, lengths, "label lengths"))
    if len(widths) > 1:
        charts.append(lambda axes: draw_histogram(axes, widths, "widths in pixels"))
    if characters:
        charts.append(lambda axes: draw_ranks(axes, characters, charset.characters, font))
    if split.refused:
        charts.append(lambda axes: draw_reasons(axes, split.refused, split.read))
    return charts


def draw_histogram(axes: Axes, counts: dict[int, int], title: str) -> None:
    """Draws a bar per value; neighbours share one where there are many values."""
    low, high = min(counts), max(counts)
    step = -(-(high - low + 1) // _MOST_BARS)
    edges = [value - 0.5 for value in range(low, high + step + 1, step)]
    axes.hist(list(counts), bins=edges, weights=list(counts.values()), color=_BAR, rwidth=0.9)
    # A single value is not a wall.
    middle, half = (edges[0] + edges[-1]) / 2, max(edges[-1] - edges[0], 15) / 2
    axes.set_xlim(max(middle - half, -0.5), middle + half)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    _finish(axes, title, format_range(counts))


def draw_ranks(axes: Axes, counts: dict[int, int], characters: str, font: FontProperties) -> None:
    """Draws how often each character occurs, by falling count; characters that never do are shaded."""
    ranked = rank(counts)
    unseen = [k for k in range(len(characters)) if k not in counts]
    heights = np.array([counts[k] for k in ranked], float)
    axes.set_yscale("log")
    axes.set_ylim(0.5, max(heights.max() * 1.3, 2))
    names = [{" ": "' '"}.get(characters[k], characters[k]) for k in ranked + unseen]
    if len(names) <= _MOST_NAMES:
        axes.bar(range(len(ranked)), heights, color=_BAR)
        axes.set_xticks(range(len(names)), names, fontproperties=font, size=_NOTE_SIZE * _POINTS)
        start, end = len(ranked) - 0.5, len(names) - 0.5
    else:
        # Ranks on a log scale, so that the few frequent characters do not hide at the edge.
        axes.set_xscale("log")
        axes.fill_between(np.arange(1, len(ranked) + 1), heights, 0.5, color=_BAR, step="mid", lw=0)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        start, end = len(ranked) + 0.5, len(names) + 0.5
        axes.set_xlim(0.9, end)
    if unseen:
        axes.axvspan(start, end, color=_SHADE, lw=0)
    frequent = f"; most frequent {' '.join(names[:6])}" if len(names) > _MOST_NAMES else ""
    note = f"{len(ranked):,} of {len(characters):,} occur, {len(unseen):,} never{frequent}"
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    _finish(axes, "characters by frequency, log scale", note, font)


def draw_reasons(axes: Axes, refused: dict[str, int], read: int) -> None:
    """Draws a horizontal bar per reason of refused rows, the most frequent reason first."""
    reasons = sorted(refused, key=lambda reason: refused[reason])
    bars = axes.barh(reasons, [refused[reason] for reason in reasons], color=_BAR, height=0.7)
    axes.bar_label(bars, fmt="{:,.0f}", padding=4, size=_NOTE_SIZE * _POINTS, color=_GREY)
    axes.margins(x=0.15)
    axes.spines["bottom"].set_visible(False)
    total = sum(refused.values())
    _finish(axes, "rows refused", f"{total:,} of {read:,}, {total / read:.2%}")
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.tick_params(axis="y", labelcolor=_INK)


def _finish(axes: Axes, title: str, note: str, font: FontProperties | None = None) -> None:
    """Writes title and note, and draws rules."""
    axes.set_title(f"{title}\n", size=_TITLE_SIZE * _POINTS, color=_INK, loc="left")
    text = axes.annotate(
        note,
        (0, 1.04),
        xycoords="axes fraction",
        fontproperties=font,
        size=_NOTE_SIZE * _POINTS,
        color=_GREY,
    )
    text.set_in_layout(False)  # a long note does not make its chart narrower
    axes.grid(axis="y", color=_RULE)
