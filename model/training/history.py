"""A run's records, epoch by epoch: in words, and cut back to where a resumed run begins."""

import csv
import io
import os

import tensorflow as tf
from tensorflow.core.util import event_pb2

from densenet_ocr.pipeline import storage

# What an epoch's figures are called, in the order in which they are told.
_WORDS = {
    "loss": "loss {:.4g}",
    "val_loss": "validation loss {:.4g}",
    "val_exact_match": "exact match {:.2%}",
    "val_cer": "CER {:.2%}",
    "val_loss_rounds_to_0": "loss rounds to 0 (the notebook's accuracy) {:.2%}",
    "learning_rate": "learning rate {:.4g}",
    "images_per_second": "{:,.1f} images/s",
    "input_wait_share": "input wait {:.1%}",
}


def describe_epoch(logs: dict[str, float]) -> str:
    """An epoch's figures in words; those that have none come last, by name."""
    known = [words.format(logs[name]) for name, words in _WORDS.items() if name in logs]
    return ", ".join(known + [f"{name} {value:.4g}" for name, value in logs.items() if name not in _WORDS])


def cut_history(path: str, epochs: int) -> None:
    """Removes the rows of epochs that a resumed run will go through again; a row's epoch is 0-based."""
    if not storage.exists(path):
        return
    rows = list(csv.reader(io.StringIO(storage.read_bytes(path).decode())))
    kept = [row for row in rows if row[0] == "epoch" or int(row[0]) < epochs]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(kept)
    storage.write_atomically(path, text.getvalue().encode())


def cut_events(folder: str, epochs: int) -> None:
    """Removes such epochs' summaries from TensorBoard's event files, and what a crash left half written."""
    for path in storage.find(os.path.join(folder, "**", "events.out.tfevents.*")):
        kept, whole = _read_events(path, epochs)
        if not whole:
            temporary = f"{path}{storage.TEMPORARY}cut"
            with tf.io.TFRecordWriter(temporary) as writer:
                for event in kept:
                    writer.write(event)
            os.replace(temporary, path)


def _read_events(path: str, epochs: int) -> tuple[list[bytes], bool]:
    """The events to keep, and whether those are all of the file."""
    kept, whole = [], True
    try:
        for data in tf.data.TFRecordDataset(path).as_numpy_iterator():
            event = event_pb2.Event.FromString(data)
            # Events of an epoch carry its number as their step; a graph or a version has none.
            if event.HasField("summary") and event.step >= epochs:
                whole = False
            else:
                kept.append(data)
    except tf.errors.DataLossError:
        whole = False
    return kept, whole
