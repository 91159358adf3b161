"""The one declaration of a record: its fields, how a line becomes one, how a batch of them becomes tensors.

A record is a tf.train.Example with the fields, in sorted order, height, image, key, label and width. Writing
needs no TensorFlow: the few bytes of protocol buffers that an Example takes are put together here.
"""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.frames import count_frames

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
    image, key = _image_bytes(record.levels, encoding), record.key.encode("utf-8")
    label = b"".join([_varint(k) for k in record.label])
    body = b"".join(
        (
            _int_entry(HEIGHT, height),
            _bytes_head(IMAGE, len(image)),
            image,
            _bytes_head(KEY, len(key)),
            key,
            _ints_head(LABEL, len(label)),
            label,
            _int_entry(WIDTH, width),
        )
    )
    return b"".join((_head(1, len(body)), body))


def decode(data: bytes, encoding: str) -> Record:
    """The record that `encode` made these bytes of; raises ValueError for bytes that are no such record."""
    try:
        return _decode(data, encoding)
    except LookupError as error:
        raise ValueError(f"not a record: {error!r}") from None


def _decode(data: bytes, encoding: str) -> Record:
    features = {}
    for _, entry in _read_fields(dict(_read_fields(data))[1]):
        fields = dict(_read_fields(entry))
        # A feature holds a list, of bytes (1) or of int64 (3), which holds one value: bytes, or packed ints.
        features[bytes(fields[1]).decode()] = [
            value for _, values in _read_fields(fields[2]) for _, value in _read_fields(values)
        ]
    height, width = (_read_varints(features[name][0])[0] for name in (HEIGHT, WIDTH))
    levels = np.frombuffer(features[IMAGE][0], "<f4" if encoding == "float32" else np.uint8)
    if encoding == "float32":
        if not np.all(np.abs(levels) <= 0.5):
            raise ValueError("not a record: its pixels are not from -0.5 to 0.5")
        levels = images.denormalise(levels)
    label = [k for packed in features[LABEL] for k in _read_varints(packed)]
    return Record(bytes(features[KEY][0]).decode("utf-8"), levels.reshape(height, width), label)


def parse(
    records, *, geometry: images.Geometry, encoding: str, normalised: bool = True, padded_width=None
) -> dict:
    """A batch of tensors from a batch of serialized records (string [B]), eagerly or in a graph.

    Returns `image` float32 [B, H, W, 1] normalised, `label` int32 [B, L] padded with NO_CLASS, `label_length`,
    `frames` and `width` (of the line, before any padding) int32 [B], `weight` float32 [B] of ones, `key` string
    [B]. Without `normalised` images stay as they are stored, float32 or uint8, see images_graph.normalise.
    Lines of any width (a geometry of width 0) are padded on the right to `padded_width`, with anything.
    """
    import tensorflow as tf

    from densenet_ocr.pipeline.images_graph import normalise

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
    pixels = _parse_images(fields, geometry, encoding, padded_width)
    return {
        IMAGE: normalise(pixels) if normalised else pixels,
        LABEL: label,
        LABEL_LENGTH: tf.reduce_sum(tf.cast(label != NO_CLASS, tf.int32), axis=1),
        FRAMES: tf.cast(count_frames(fields[WIDTH]), tf.int32),
        WIDTH: tf.cast(fields[WIDTH], tf.int32),
        WEIGHT: tf.ones_like(fields[WIDTH], tf.float32),
        KEY: fields[KEY],
    }


def read_width(record):
    """The width of one serialized record (a string tensor), int64, at a fraction of what `parse` costs."""
    import tensorflow as tf

    return tf.io.parse_single_example(record, {WIDTH: tf.io.FixedLenFeature([], tf.int64)})[WIDTH]


def _parse_images(fields: dict, geometry: images.Geometry, encoding: str, padded_width):
    import tensorflow as tf

    dtype = tf.float32 if encoding == "float32" else tf.uint8
    if geometry.width:
        pixels = tf.io.decode_raw(fields[IMAGE], dtype)
        return tf.reshape(pixels, [-1, geometry.height, geometry.width, 1])
    pixels = tf.io.decode_raw(tf.strings.reduce_join(fields[IMAGE]), dtype)
    widths = tf.repeat(fields[WIDTH], geometry.height)
    rows = tf.RaggedTensor.from_row_lengths(pixels, widths)
    shape = tf.stack([-1, tf.cast(padded_width, tf.int32)])
    return tf.reshape(rows.to_tensor(shape=shape), [-1, geometry.height, padded_width, 1])


def _image_bytes(levels: np.ndarray, encoding: str) -> bytes:
    if encoding == "uint8":
        return levels.tobytes()
    return images.normalise(levels).astype("<f4", copy=False).tobytes()


# The wire format of protocol buffers: a field is (number << 3 | 2), its length and its bytes; Example.features,
# Features.feature (a map: key 1, value 2), Feature.bytes_list 1 and .int64_list 3, and their value are 1. What
# stands before a value depends on a name and a length alone, so it is made once for each of the few there are.
def _head(number: int, length: int) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(length)


@functools.lru_cache(maxsize=1 << 16)
def _entry_head(name: str, kind: int, length: int) -> bytes:
    """All of a map entry that stands before its one value of `length` bytes."""
    value = _head(1, length)
    values = _head(kind, len(value) + length) + value
    feature = _field(1, name.encode()) + _head(2, len(values) + length) + values
    return _head(1, len(feature) + length) + feature


def _bytes_head(name: str, length: int) -> bytes:
    return _entry_head(name, 1, length)


def _ints_head(name: str, length: int) -> bytes:
    return _entry_head(name, 3, length) if length else _empty_entry(name)


def _empty_entry(name: str) -> bytes:
    return _field(1, _field(1, name.encode()) + _field(2, _field(3, b"")))


@functools.lru_cache(maxsize=1 << 12)
def _int_entry(name: str, value: int) -> bytes:
    packed = _varint(value)
    return _ints_head(name, len(packed)) + packed


def _field(number: int, payload: bytes) -> bytes:
    return _head(number, len(payload)) + payload


@functools.lru_cache(maxsize=1 << 16)
def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_fields(data: memoryview | bytes) -> Iterator[tuple[int, memoryview]]:
    """Numbers and payloads of a message all of whose fields have a length."""
    data, at = memoryview(data), 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        length, at = _read_varint(data, at)
        if tag & 7 != 2 or at + length > len(data):
            raise ValueError("not a record: its fields do not fit its length")
        yield tag >> 3, data[at : at + length]
        at += length


def _read_varints(data: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _read_varint(data, at)
        values.append(value)
    return values


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("not a record: a number does not end")
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
