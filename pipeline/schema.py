"""The record of a line: its fields, and the functions that encode, decode and parse it.

A record is a tf.train.Example with the features, in sorted order, height, image, key, label and width. Encoding
needs no TensorFlow: the few bytes of protocol buffers come from tfrecord.wire_format.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.tfrecord import wire_format as wire

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
    pixels = record.levels
    if encoding != "uint8":
        pixels = images.normalise(pixels).astype("<f4", copy=False)
    image, key = pixels.tobytes(), record.key.encode("utf-8")
    label = b"".join([wire.varint(k) for k in record.label])
    body = b"".join(
        (
            wire.int_entry(HEIGHT, height),
            wire.bytes_head(IMAGE, len(image)),
            image,
            wire.bytes_head(KEY, len(key)),
            key,
            wire.ints_head(LABEL, len(label)),
            label,
            wire.int_entry(WIDTH, width),
        )
    )
    return b"".join((wire.head(1, len(body)), body))


def decode(data: bytes, encoding: str) -> Record:
    """Inverts `encode` without TensorFlow.

    Raises:
      ValueError: the bytes are not a record of that encoding.
    """
    try:
        features = _read_features(data)
        height, width = (wire.read_varints(features[name][0])[0] for name in (HEIGHT, WIDTH))
        levels = _read_levels(features[IMAGE][0], encoding).reshape(height, width)
        label = [k for packed in features[LABEL] for k in wire.read_varints(packed)]
        return Record(bytes(features[KEY][0]).decode("utf-8"), levels, label)
    except LookupError as error:
        raise ValueError(f"not a record: {error!r}") from None


def _read_features(data: bytes) -> dict[str, list[memoryview]]:
    """Returns the values of an Example by the names of its features: bytes, or packed integers."""
    features = {}
    for _, entry in wire.read_fields(dict(wire.read_fields(data))[1]):
        name, feature = (dict(wire.read_fields(entry))[number] for number in (1, 2))
        # A feature has one list, of bytes (1) or of int64 (3), which has one value.
        features[bytes(name).decode()] = [
            value for _, values in wire.read_fields(feature) for _, value in wire.read_fields(values)
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
      geometry: Size of the data set's lines and frames.
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
        FRAMES: tf.cast(geometry.count_frames(fields[WIDTH]), tf.int32),
        WIDTH: tf.cast(fields[WIDTH], tf.int32),
        WEIGHT: tf.ones_like(fields[WIDTH], tf.float32),
        KEY: fields[KEY],
    }


def read_width(record: "tf.Tensor") -> "tf.Tensor":
    """Returns the width, an int64 scalar, of one record, a string scalar, much faster than `parse`."""
    import tensorflow as tf

    return tf.io.parse_single_example(record, {WIDTH: tf.io.FixedLenFeature([], tf.int64)})[WIDTH]


def read_widths(records: "tf.Tensor") -> "tf.Tensor":
    """Returns the widths, int64 [B], of records, string [B]."""
    import tensorflow as tf

    return tf.io.parse_example(records, {WIDTH: tf.io.FixedLenFeature([], tf.int64)})[WIDTH]


def read_stored(records: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor"]:
    """Returns the bytes of the images and the keys, both string [B], of records, string [B]."""
    import tensorflow as tf

    one_string = tf.io.FixedLenFeature([], tf.string)
    fields = tf.io.parse_example(records, {IMAGE: one_string, KEY: one_string})
    return fields[IMAGE], fields[KEY]


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
