"""A run's records, epoch by epoch, cut back to where a resumed run begins: history.csv and TensorBoard's."""

import csv
import io
import os

import tensorflow as tf
from tensorflow.core.util import event_pb2

from pipeline import storage


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
