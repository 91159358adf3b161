"""The yardstick of benchmarks.conversion.speed: plain processes that write TFRecords of a list, without Beam.

Each of two processes takes every second chunk of rows, reads and decodes with Pillow, and writes a chunk as one
file through tf.train.Example and tf.io.TFRecordWriter. Nothing is checked, counted, shuffled or described.
"""

import io
import multiprocessing
import os
from typing import Any, NamedTuple

import numpy as np
import PIL.Image


class Task(NamedTuple):
    """What is converted: a list of `name id id ...`, the files it names, and how the result is laid out."""

    list_path: str
    image_root: str
    charset_path: str
    rows: int
    lines_per_shard: int
    image_encoding: str


def convert(task: Task, output: str, processes: int) -> None:
    """Converts a list into a folder; raises RuntimeError where a process fails."""
    os.makedirs(output)
    # TensorFlow must not be forked, so processes start afresh.
    context = multiprocessing.get_context("spawn")
    arguments = [(task, output, first, processes) for first in range(processes)]
    started = [context.Process(target=write_chunks, args=each) for each in arguments]
    for process in started:
        process.start()
    for process in started:
        process.join()
    codes = [process.exitcode for process in started]
    if any(codes):
        raise RuntimeError(f"plain processes ended with exit codes {codes}")


def write_chunks(task: Task, output: str, first: int, step: int) -> None:
    """The work of one process: chunks first, first + step, ... of the list, one file each."""
    import tensorflow as tf  # loaded once a process, as part of its start-up

    with open(task.list_path, encoding="utf-8") as file:
        rows = file.read().splitlines()
    size = task.lines_per_shard
    chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
    for number in range(first, len(chunks), step):
        with tf.io.TFRecordWriter(os.path.join(output, f"{number:05d}.tfrecord")) as writer:
            for row in chunks[number]:
                writer.write(_make_record(tf, task, row))


def _make_record(tf: Any, task: Task, row: str) -> bytes:
    name, *ids = row.split()
    with open(os.path.join(task.image_root, name), "rb") as file:
        data = file.read()
    image = np.asarray(PIL.Image.open(io.BytesIO(data)).convert("L"))
    height, width = image.shape
    if task.image_encoding == "float32":
        image = image.astype(np.float32) / 255 - 0.5
    feature = {
        "height": _int64_feature(tf, [height]),
        "image": _bytes_feature(tf, image.tobytes()),
        "key": _bytes_feature(tf, name.encode("utf-8")),
        "label": _int64_feature(tf, [int(number) - 1 for number in ids]),
        "width": _int64_feature(tf, [width]),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def _bytes_feature(tf: Any, value: bytes) -> Any:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _int64_feature(tf: Any, values: list[int]) -> Any:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
