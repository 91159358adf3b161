"""The one declaration of a record: its fields, how a line becomes one, how a batch of them becomes tensors.

A record is a tf.train.Example with the fields, in sorted order, height, image, key, label and width. Writing
needs no TensorFlow: the few bytes of protocol buffers that an Example takes are put together here.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from pipeline import images
from pipeline.errors import UserError
from pipeline.frames import count_frames

VERSION = 1
HEIGHT, IMAGE, KEY, LABEL, WIDTH = "height", "image", "key", "label", "width"
WEIGHT, FRAMES, LABEL_LENGTH = "weight", "frames", "label_length"

# Bytes of a pixel, by --image_encoding: float32 holds the normalised tensor, uint8 the grey levels.
PIXEL_BYTES = {"float32": 4, "uint8": 1}

# Bytes of a record beside its pixels, names and framing included, for a key of 24 and a label of 10.
OVERHEAD_BYTES = 160

# Stands behind the end of a label in a batch: no class, so it cannot be taken for one.
NO_CLASS = -1


class Record(NamedTuple):
    """A line as it is stored: the path as the list has it, uint8 grey levels [height, width], class ids."""

    key: str
    levels: np.ndarray
    label: list[int]


def check_encoding(encoding: str) -> str:
    """Returns the image encoding; raises UserError for one that is not known."""
    if encoding not in PIXEL_BYTES:
        raise UserError(
            "image encoding",
            received=repr(encoding),
            expected=" or ".join(PIXEL_BYTES),
            remedy="Set --image_encoding.",
        )
    return encoding


def encode(record: Record, encoding: str) -> bytes:
    """A serialized tf.train.Example; equal lines give equal bytes."""
    height, width = record.levels.shape
    fields = (
        (HEIGHT, _int64_feature([height])),
        (IMAGE, _bytes_feature(_image_bytes(record.levels, encoding))),
        (KEY, _bytes_feature(record.key.encode("utf-8"))),
        (LABEL, _int64_feature(record.label)),
        (WIDTH, _int64_feature([width])),
    )
    entries = (_field(1, _field(1, name.encode()) + _field(2, value)) for name, value in fields)
    return _field(1, b"".join(entries))


def parse(records, *, geometry: images.Geometry, encoding: str) -> dict:
    """A batch of tensors from a batch of serialized records (string [B]), eagerly or in a graph.

    Returns `image` float32 [B, H, W, 1] normalised, `label` int32 [B, L] padded with NO_CLASS, `label_length`,
    `frames` (of the line, before any padding) int32 [B], `weight` float32 [B] of ones, `key` string [B].
    """
    import tensorflow as tf

    one_int = tf.io.FixedLenFeature([], tf.int64)
    one_string = tf.io.FixedLenFeature([], tf.string)
    fields = tf.io.parse_example(
        records,
        {
            HEIGHT: one_int,
            IMAGE: one_string,
            KEY: one_string,
            LABEL: tf.io.VarLenFeature(tf.int64),
            WIDTH: one_int,
        },
    )
    label = tf.cast(tf.sparse.to_dense(fields[LABEL], default_value=NO_CLASS), tf.int32)
    return {
        IMAGE: _parse_images(fields[IMAGE], geometry, encoding),
        LABEL: label,
        LABEL_LENGTH: tf.reduce_sum(tf.cast(label != NO_CLASS, tf.int32), axis=1),
        FRAMES: tf.cast(count_frames(fields[WIDTH]), tf.int32),
        WEIGHT: tf.ones_like(fields[WIDTH], tf.float32),
        KEY: fields[KEY],
    }


def _parse_images(image_bytes, geometry: images.Geometry, encoding: str):
    import tensorflow as tf

    shape = [-1, geometry.height, geometry.width, 1]
    if encoding == "float32":
        return tf.reshape(tf.io.decode_raw(image_bytes, tf.float32), shape)
    levels = tf.cast(tf.io.decode_raw(image_bytes, tf.uint8), tf.int32)
    # A table, because grey / 255 - 0.5 differs in its last bit once a graph is compiled.
    return tf.reshape(tf.gather(tf.constant(images.NORMALISED), levels), shape)


def _image_bytes(levels: np.ndarray, encoding: str) -> bytes:
    if encoding == "uint8":
        return levels.tobytes()
    return images.normalise(levels).astype("<f4", copy=False).tobytes()


# The wire format of protocol buffers: a field is (number << 3 | 2), its length and its bytes; Example.features,
# Features.feature (a map: key 1, value 2), Feature.bytes_list 1 and .int64_list 3, and their value are 1.
def _field(number: int, payload: bytes) -> bytes:
    return b"".join((bytes((number << 3 | 2,)), _varint(len(payload)), payload))


def _bytes_feature(value: bytes) -> bytes:
    return _field(1, _field(1, value))


def _int64_feature(values: Iterable[int]) -> bytes:
    packed = b"".join(map(_varint, values))
    return _field(3, _field(1, packed) if packed else b"")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
