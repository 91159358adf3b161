"""The records of a run by epoch, history.csv and TensorBoard's events: formatting and truncating."""

import csv
import dataclasses
import io
import math
import re
from collections.abc import Iterable, Mapping

import tensorflow as tf
from tensorflow.core.util import event_pb2

from densenet_ocr.model.network.metrics import Scores
from densenet_ocr.pipeline import storage

Row = dict[str, float]

_APART = re.compile(r"val_(.+)_exact_match", re.DOTALL)

# Metrics of an epoch in the order in which they are logged, with their format.
_FORMATS = {
    "loss": "loss {:.4g}",
    "val_loss": "validation loss {:.4g}",
    "val_exact_match": "exact match {:.2%}",
    "val_cer": "CER {:.2%}",
    "val_loss_rounds_to_0": "loss rounds to 0 (the notebook's accuracy) {:.2%}",
    "learning_rate": "learning rate {:.4g}",
    "images_per_second": "{:,.1f} images/s",
    "input_wait_share": "input wait {:.1%}",
}


def list_metrics(scores: Scores, apart: Mapping[str, Scores]) -> Row:
    """Returns the scores of a validation by columns of the history.

    Args:
      scores: Scores of all lines: val_loss, val_exact_match and so on.
      apart: Scores by data set: those of `real` are val_real_loss, val_real_exact_match and so on.
    """
    named = [("val", scores), *((f"val_{name}", each) for name, each in apart.items())]
    return {
        f"{prefix}_{name}": value
        for prefix, each in named
        for name, value in dataclasses.asdict(each).items()
        if name != "lines"
    }


def list_data_sets(columns: Iterable[str]) -> list[str]:
    """Returns the data sets whose scores are apart in a history, by the names of its columns."""
    matches = [_APART.fullmatch(column) for column in columns]
    return [match[1] for match in matches if match]


def format_epoch(logs: dict[str, float]) -> str:
    """Returns an epoch's metrics as text; metrics without a format of their own come last, by name."""
    formats = dict(_FORMATS)
    for data_set in list_data_sets(logs):
        escaped = data_set.replace("{", "{{").replace("}", "}}")
        for name in ("loss", "exact_match", "cer", "loss_rounds_to_0"):
            formats[f"val_{data_set}_{name}"] = f"{escaped}: {_FORMATS[f'val_{name}']}"
    known = [pattern.format(logs[name]) for name, pattern in formats.items() if name in logs]
    return ", ".join(known + [f"{name} {value:.4g}" for name, value in logs.items() if name not in formats])


def read_history(path: str) -> list[Row]:
    """Reads a history.csv, whose "epoch" counts from 0; a cell that is not a number is NaN."""
    table = csv.DictReader(io.StringIO(storage.read_bytes(path).decode()))
    return [{name: _read_number(text) for name, text in row.items() if name} for row in table]


def find_best(rows: list[Row]) -> int | None:
    """Returns the number of the first row with the lowest validation loss; None where no row has one."""
    losses = {number: row.get("val_loss", math.nan) for number, row in enumerate(rows)}
    finite = {number: loss for number, loss in losses.items() if math.isfinite(loss)}
    return min(finite, key=lambda number: finite[number], default=None)


def truncate_history(path: str, epochs: int) -> None:
    """Keeps the rows of the first `epochs` epochs; a resumed run writes the others again."""
    if not storage.exists(path):
        return
    rows = list(csv.reader(io.StringIO(storage.read_bytes(path).decode())))
    kept = [row for row in rows if row[0] == "epoch" or int(row[0]) < epochs]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(kept)
    storage.write_atomically(path, text.getvalue().encode())


def truncate_events(folder: str, epochs: int) -> None:
    """Keeps the summaries of the first `epochs` epochs in TensorBoard's files, without a half-written end."""
    for path in storage.find("**/events.out.tfevents.*", folder):
        kept, complete = _read_events(path, epochs)
        if not complete:
            with storage.replacing(path) as temporary, tf.io.TFRecordWriter(temporary) as writer:
                for event in kept:
                    writer.write(event)


def _read_events(path: str, epochs: int) -> tuple[list[bytes], bool]:
    """Returns the events to keep, and whether these are the whole file."""
    kept, complete = [], True
    try:
        for data in tf.data.TFRecordDataset(path).as_numpy_iterator():
            event = event_pb2.Event.FromString(data)
            # Summaries have their epoch as step; a graph or a version has none.
            if event.HasField("summary") and event.step >= epochs:
                complete = False
            else:
                kept.append(data)
    except tf.errors.DataLossError:
        complete = False
    return kept, complete


def _read_number(text: str) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):  # Keras writes NA where it has no figure; a row cut short has None
        return math.nan
