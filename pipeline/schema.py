"""The record of a line: its fields, and the functions that encode, decode and parse it.

A record is a tf.train.Example with the features, in sorted order, height, image, key, label and width. Encoding
needs no TensorFlow: this module writes the few bytes of protocol buffers itself.
"""

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.frames import count_frames
from densenet_ocr.pipeline.geometry import Geometry

if TYPE_CHECKING:
    import tensorflow as tf  # functions that need it import it: Beam jobs run without TensorFlow

VERSION = 1
HEIGHT, IMAGE, KEY, LABEL, WIDTH = "height", "image", "key", "label", "width"
WEIGHT, FRAMES, LABEL_LENGTH = "weight", "frames", "label_length"

# Bytes per pixel by --image_encoding: float32 stores the normalised tensor, uint8 the grey levels.
PIXEL_BYTES = {"float32": 4, "uint8": 1}

# Bytes of a record beside its pixels, framing included, with a key of 24 bytes and a label of 10 classes.
OVERHEAD_BYTES = 160

# Pads labels in a batch; it is not a class.
NO_CLASS = -1


class Record(NamedTuple):
    """A line as stored.

    Attributes:
      key: The path as written in the list.
      levels: Grey levels, uint8 [H, W].
      label: Class ids.
    """

    key: str
    levels: np.ndarray
    label: list[int]


def check_encoding(encoding: str) -> str:
    """Returns the image encoding; raises UserError unless it is one of PIXEL_BYTES."""
    if encoding not in PIXEL_BYTES:
        raise UserError(
            "image encoding",
            received=repr(encoding),
            expected=" or ".join(PIXEL_BYTES),
            remedy="Set --image_encoding.",
        )
    return encoding


def encode(record: Record, encoding: str) -> bytes:
    """Encodes a line as a serialized tf.train.Example; equal lines give equal bytes.

    Features: `image` (bytes: the pixels, row-major, little-endian), `height`, `width`, `label` (int64) and
    `key` (bytes, UTF-8).

    Args:
      record: The line.
      encoding: "float32" stores levels / 255 - 0.5, "uint8" the levels.

    Returns:
      The record for a TFRecord file.
    """
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
    """Inverts `encode` without TensorFlow.

    Raises:
      ValueError: the bytes are not a record of that encoding.
    """
    try:
        return _decode(data, encoding)
    except LookupError as error:
        raise ValueError(f"not a record: {error!r}") from None


def _decode(data: bytes, encoding: str) -> Record:
    features = _read_features(data)
    height, width = (_read_varints(features[name][0])[0] for name in (HEIGHT, WIDTH))
    levels = _read_levels(features[IMAGE][0], encoding).reshape(height, width)
    label = [k for packed in features[LABEL] for k in _read_varints(packed)]
    return Record(bytes(features[KEY][0]).decode("utf-8"), levels, label)


def _read_features(data: bytes) -> dict[str, list[memoryview]]:
    """Returns the values of an Example by the names of its features: bytes, or packed integers."""
    features = {}
    for _, entry in _read_fields(dict(_read_fields(data))[1]):
        name, feature = (dict(_read_fields(entry))[number] for number in (1, 2))
        # A feature has one list, of bytes (1) or of int64 (3), which has one value.
        features[bytes(name).decode()] = [
            value for _, values in _read_fields(feature) for _, value in _read_fields(values)
        ]
    return features


def _read_levels(pixels: memoryview, encoding: str) -> np.ndarray:
    """Returns stored pixels as grey levels, uint8 [H * W]."""
    if encoding == "uint8":
        return np.frombuffer(pixels, np.uint8)
    normalised = np.frombuffer(pixels, "<f4")
    if not np.all(np.abs(normalised) <= 0.5):
        raise ValueError("not a record: its pixels are not from -0.5 to 0.5")
    return images.denormalise(normalised)


def parse(
    records: "tf.Tensor",
    *,
    geometry: Geometry,
    encoding: str,
    normalised: bool = True,
    padded_width: "tf.Tensor | int | None" = None,
) -> dict[str, "tf.Tensor"]:
    """Parses a batch of records into tensors, eagerly or in a graph.

    Args:
      records: Serialized records, string [B].
      geometry: Size of the data set's lines.
      encoding: Image encoding of the data set.
      normalised: Whether `image` is always normalised float32; else uint8 records stay uint8 (see
        graph.images.normalise).
      padded_width: Width W of the batch for a geometry of width 0, an int32 scalar not below the widest line.

    Returns:
      The batch as a dict:
        `image`: float32 or uint8 [B, H, W, 1]; padding on the right is undefined.
        `label`: int32 [B, L], padded with NO_CLASS.
        `label_length`: int32 [B].
        `frames`: int32 [B], frames of the line without padding.
        `width`: int32 [B], pixels of the line without padding.
        `weight`: float32 [B], ones.
        `key`: string [B], the path as written in the list.
    """
    import tensorflow as tf

    from densenet_ocr.pipeline.graph.images import normalise

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


def read_width(record: "tf.Tensor") -> "tf.Tensor":
    """Returns the width, an int64 scalar, of one record, a string scalar, much faster than `parse`."""
    import tensorflow as tf

    return tf.io.parse_single_example(record, {WIDTH: tf.io.FixedLenFeature([], tf.int64)})[WIDTH]


def _parse_images(
    fields: dict[str, "tf.Tensor"],
    geometry: Geometry,
    encoding: str,
    padded_width: "tf.Tensor | int | None",
) -> "tf.Tensor":
    """Returns the pixels as stored, float32 or uint8 [B, H, W, 1]."""
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


# The wire format of protocol buffers: a field is the byte number << 3 | 2, its length and its bytes. Numbers:
# Example.features 1, Features.feature 1 (a map: key 1, value 2), Feature.bytes_list 1 and .int64_list 3, their
# value 1. The bytes before a value depend on its name and length only, so they are cached.
def _head(number: int, length: int) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(length)


@functools.lru_cache(maxsize=1 << 16)
def _entry_head(name: str, kind: int, length: int) -> bytes:
    """Returns the bytes of a map entry before its one value of `length` bytes."""
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
    """Yields numbers and payloads of a message's fields; raises ValueError unless all are of wire type 2."""
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
