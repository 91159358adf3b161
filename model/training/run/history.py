"""The records of a run by epoch, history.csv and TensorBoard's events: formatting and truncating."""

import csv
import io
import math
import os

import tensorflow as tf
from tensorflow.core.util import event_pb2

from densenet_ocr.pipeline import storage

Row = dict[str, float]

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


def format_epoch(logs: dict[str, float]) -> str:
    """Returns an epoch's metrics as text; metrics without a format of their own come last, by name."""
    known = [pattern.format(logs[name]) for name, pattern in _FORMATS.items() if name in logs]
    return ", ".join(known + [f"{name} {value:.4g}" for name, value in logs.items() if name not in _FORMATS])


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
            temporary = f"{path}{storage.TEMPORARY}cut"
            with tf.io.TFRecordWriter(temporary) as writer:
                for event in kept:
                    writer.write(event)
            os.replace(temporary, path)


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
