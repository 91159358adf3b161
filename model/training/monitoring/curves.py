"""The training curves of a run, drawn by matplotlib from its history.csv: losses, scores and learning rate."""

import itertools
import math
from typing import NamedTuple

import numpy as np
import PIL.Image
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from densenet_ocr.model.training.run.history import Row, find_best, list_data_sets

# Losses whose highest value is this many times the lowest one are drawn on a log scale.
_LOG_RATIO = 50

# Ends the titles of panels whose curves are those of a score by data set.
_BY_DATA_SET = " by data set"

# Up to so many epochs have a marker each.
_MARKED = 60

# Inches. Margins are fixed because matplotlib's constrained layout takes two thirds of the drawing's time.
_WIDTH, _LEFT, _RIGHT, _TITLE, _TOP, _BOTTOM, _GAP = 9.6, 0.6, 0.15, 0.1, 0.65, 0.45, 0.45
_PANEL_UNIT = 0.7  # height of a panel per unit of its ratio


class _Curve(NamedTuple):
    """A column of the history, and how it is drawn."""

    key: str
    name: str
    colour: str
    width: float = 2.0


_LOSSES = (_Curve("loss", "training", "#4274b2"), _Curve("val_loss", "validation", "#d6781e"))
_SCORES = (
    _Curve("val_loss_rounds_to_0", "loss rounds to 0 (the notebook's accuracy)", "#6eb487", 1.0),
    _Curve("val_exact_match", "exact match", "#166e3c"),
    _Curve("val_cer", "CER", "#be1e1e"),
)
# Of the data sets of a mixture, in order; a further one begins again.
_DATA_SET_COLOURS = ("#4274b2", "#d6781e", "#166e3c", "#8a4fa3", "#be1e1e", "#6b6b6b")
_RATE = (_Curve("learning_rate", "at the end of the epoch", "#4274b2"),)


def draw_curves(rows: list[Row]) -> PIL.Image.Image:
    """Draws the epochs of a history.

    Losses that span decades are on a log scale, scores above 1 count as 1, and the epoch of the lowest
    validation loss is marked. Curves without a number are left out. Epochs count from 1, as in the names of
    weights files. Scores by data set, of a mixture, have panels of their own.

    Args:
      rows: The rows of `read_history`, at least one.

    Returns:
      An RGB picture.
    """
    data_sets = list_data_sets(rows[0])
    panels = [
        (title, curves, ratio)
        for title, curves, ratio in (
            ("loss", _LOSSES, 3),
            ("validation lines", _SCORES, 3),
            (f"exact match{_BY_DATA_SET}", _list_curves(data_sets, "exact_match"), 3),
            (f"CER{_BY_DATA_SET}", _list_curves(data_sets, "cer"), 3),
            ("learning rate", _RATE, 2),
        )
        if any(math.isfinite(row.get(curve.key, math.nan)) for row in rows for curve in curves)
    ]
    ratios = [ratio for *_, ratio in panels]
    figure, axes = _make_figure(ratios)
    heading = figure.suptitle(_format_title(rows), x=0.01, ha="left", va="top", size=10)
    heading.set_y(1 - _TITLE / figure.get_figheight())
    for place, (title, curves, _) in zip(axes, panels, strict=True):
        _draw_panel(place, rows, title, curves)
    axes[-1].set_xlabel("epoch", size=9)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return PIL.Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _make_figure(ratios: list[int]) -> tuple[Figure, np.ndarray]:
    """Returns a figure with a panel for each ratio of heights, one above the other."""
    panels = _PANEL_UNIT * sum(ratios)
    height = _TOP + panels + _GAP * (len(ratios) - 1) + _BOTTOM
    figure = Figure(figsize=(_WIDTH, height), dpi=100)
    grid = {
        "left": _LEFT / _WIDTH,
        "right": 1 - _RIGHT / _WIDTH,
        "bottom": _BOTTOM / height,
        "top": 1 - _TOP / height,
        "hspace": _GAP * len(ratios) / panels,
    }
    axes = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios, gridspec_kw=grid)
    return figure, np.atleast_1d(axes)


def _list_curves(data_sets: list[str], metric: str) -> tuple[_Curve, ...]:
    """Returns the curves of a metric of each data set of a mixture."""
    colours = itertools.cycle(_DATA_SET_COLOURS)
    return tuple(_Curve(f"val_{name}_{metric}", name, next(colours)) for name in data_sets)


def format_share(share: float) -> str:
    """Formats a share of 1 in per cent, with two decimals, or with more where those would be 0."""
    return f"{round(100 * share, 2) or 100 * share:.4g}%"


def _format_title(rows: list[Row]) -> str:
    best = find_best(rows)
    title = f"training to epoch {_epoch(rows[-1]):,}; "
    if best is None:
        return title + "no validation loss, figures are those of the last epoch"
    return title + f"best validation loss after epoch {_epoch(rows[best]):,}, whose figures are shown"


def _draw_panel(axes: Axes, rows: list[Row], title: str, curves: tuple[_Curve, ...]) -> None:
    epochs, best = [_epoch(row) for row in rows], find_best(rows)
    shares = curves is _SCORES or title.endswith(_BY_DATA_SET)
    for curve in curves:
        values = np.array([row.get(curve.key, math.nan) for row in rows])
        values[~np.isfinite(values)] = math.nan
        if np.isnan(values).all():
            continue
        shown = values[len(rows) - 1 if best is None else best]
        label = f"{curve.name} {format_share(shown) if shares else f'{shown:.4g}'}"
        axes.plot(
            epochs,
            np.minimum(values, 1) if shares else values,
            label=label,
            color=curve.colour,
            linewidth=curve.width,
            marker="o" if len(rows) <= _MARKED else None,
            markersize=4,
        )
    _set_scale(axes, title, shares)
    if best is not None:
        axes.axvline(epochs[best], color="#70747a", linestyle=":", linewidth=1)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(curves), frameon=False, fontsize=8)
    axes.grid(axis="y", color="#dee0e4")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(14, integer=True))


def _set_scale(axes: Axes, title: str, shares: bool) -> None:
    drawn = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines])
    positive = drawn[drawn > 0]
    is_log = title == "loss" and positive.size and positive.max() > _LOG_RATIO * positive.min()
    axes.set_title(f"{title}, log scale" if is_log else title, loc="left", size=10)
    if shares:
        axes.set_ylim(-0.03, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    elif is_log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)


def _epoch(row: Row) -> int:
    return int(row["epoch"]) + 1
