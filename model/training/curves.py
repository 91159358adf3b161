"""A run's figures by epoch as one picture, from its history.csv: losses, scores and the learning rate."""

import csv
import io
import math
from typing import NamedTuple

import PIL.Image

from densenet_ocr.model.training.plot import TEXT_SIZE, Line, Panel, Scale, choose_scale, tell_number
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui.picture import (
    BAR,
    GREY,
    INK,
    MARGIN,
    RIGHT,
    WRONG,
    Colour,
    Typeface,
    frame,
    new_sheet,
    stack,
)

Row = dict[str, float]

TRAINING, VALIDATION = BAR, (214, 120, 30)
EXACT_MATCH, ROUNDS_TO_0, CER = RIGHT, (110, 180, 135), WRONG

_WIDTH, _TITLE_SIZE = 912, 16


class _Column(NamedTuple):
    """A column of a history, and the line that it is drawn as."""

    key: str
    name: str
    colour: Colour
    width: int = 2


_LOSSES = (_Column("loss", "training", TRAINING), _Column("val_loss", "validation", VALIDATION))
_SCORES = (
    _Column("val_loss_rounds_to_0", "loss rounds to 0 (the notebook's accuracy)", ROUNDS_TO_0, 1),
    _Column("val_exact_match", "exact match", EXACT_MATCH),
    _Column("val_cer", "CER", CER),
)
_RATE = (_Column("learning_rate", "at the end of the epoch", TRAINING),)
_SHARES = Scale(0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])


def draw_curves(rows: list[Row]) -> PIL.Image.Image:
    """Draws the epochs of a history (see `read_history`), of which there is at least one.

    Training and validation loss, in logarithms where they span decades; exact match, CER and the notebook's
    accuracy, where more than 1 counts as 1; the learning rate. The epoch of the lowest validation loss is
    marked. Columns without a number are left out. Epochs count from 1, as in the names of weights' files.
    """
    losses = [value for column in _LOSSES for value in _take(rows, column.key)]
    rates = choose_scale(_take(rows, "learning_rate"), ticks=4, may_be_log=False)
    panels = [
        _draw_panel(rows, "loss", _LOSSES, choose_scale(losses), tell_number, 250),
        _draw_panel(rows, "validation lines", _SCORES, _SHARES, tell_share, 250),
        _draw_panel(rows, "learning rate", _RATE, rates, tell_number, 136),
    ]
    return frame(stack([_draw_title(rows), *filter(None, panels)], gap=2 * MARGIN))


def read_history(path: str) -> list[Row]:
    """The rows of a history.csv, whose "epoch" counts from 0; what is no number is nan."""
    table = csv.DictReader(io.StringIO(storage.read_bytes(path).decode()))
    return [{name: _read_number(text) for name, text in row.items() if name} for row in table]


def find_best(rows: list[Row]) -> int | None:
    """Which row has the lowest validation loss, the first of several; None where none has one."""
    losses = dict(enumerate(_take(rows, "val_loss")))
    finite = [number for number, loss in losses.items() if math.isfinite(loss)]
    return min(finite, key=losses.get, default=None)


def tell_share(share: float) -> str:
    """A share of 1 in per cent, with two decimals, or more where those would be 0."""
    return f"{round(100 * share, 2) or 100 * share:.4g}%"


def _draw_title(rows: list[Row]) -> PIL.Image.Image:
    best, sheet = find_best(rows), new_sheet(_WIDTH, 44)
    title = f"training to epoch {_tell_epoch(rows[-1])}"
    if best is None:
        note = "no validation loss; figures beside the names are those of the last epoch"
    else:
        epoch = _tell_epoch(rows[best])
        note = f"best validation loss after epoch {epoch}, whose figures stand beside the names"
    Typeface(_TITLE_SIZE).draw(sheet, (0, _TITLE_SIZE), title, INK)
    Typeface(TEXT_SIZE).draw(sheet, (0, _TITLE_SIZE + 20), note, GREY)
    return sheet


def _draw_panel(
    rows: list[Row], title: str, columns: tuple[_Column, ...], scale: Scale, tell, height: int
) -> PIL.Image.Image | None:
    """A panel of the columns that have numbers; None where none has."""
    lines = [Line(column.name, _take(rows, column.key), column.colour, column.width) for column in columns]
    lines = [line for line in lines if any(map(math.isfinite, line.values))]
    if not lines:
        return None
    best = find_best(rows)
    panel = Panel((_WIDTH, height), scale, tell, [int(row["epoch"]) + 1 for row in rows])
    panel.head(f"{title}, log scale" if scale.is_log else title)
    if best is not None:
        panel.mark(best, "best")
    for line in lines:
        panel.line(line, told=len(rows) - 1 if best is None else best)
    return panel.sheet


def _take(rows: list[Row], key: str) -> list[float]:
    return [row.get(key, math.nan) for row in rows]


def _tell_epoch(row: Row) -> str:
    return f"{int(row['epoch']) + 1:,}"


def _read_number(text) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):  # Keras writes NA where it has no figure; a row cut short has None
        return math.nan
