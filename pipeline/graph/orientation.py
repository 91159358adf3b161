"""EXIF's orientation as TensorFlow operations: found in the bytes of a JPEG or PNG, applied to its grey levels.

It reads EXIF data where nearly all files have it, and fails for any other instead of walking through the file.
"""

import tensorflow as tf

from densenet_ocr.pipeline.graph.headers import join_bytes, read_number, require

# Bytes before EXIF data in a JPEG: the first marker, in most files JFIF's segment of 18 bytes, APP1, a length.
_JPEG_PLACES, _APP1 = (6, 24), b"\xff\xe1"

# EXIF 2.3: the tag of the orientation, and the type of its value.
_ORIENTATION, _SHORT = 0x0112, 3

# Bytes of an entry, and of a value of each type (TIFF 6.0, section 2; 0 and 13 stand for unknown ones).
_ENTRY, _SIZES = 12, (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 0)

# Pillow looks for an orientation in XMP, too, where EXIF data has none; a PNG may have compressed XMP.
_XMP = (b"tiff:Orientation", b"XML:com.adobe.xmp\0\1")

# Orientations that exchange rows and columns, then those that reverse columns, and rows.
_CHANGES = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)


def turn(levels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Returns grey levels, uint8 [H, W], as EXIF's orientation, an int64 scalar, wants them shown."""
    transposed, mirrored, upside_down = (tf.reduce_any(orientation == those) for those in _CHANGES)
    levels = tf.cond(transposed, lambda: tf.transpose(levels), lambda: levels)
    levels = tf.cond(mirrored, lambda: levels[:, ::-1], lambda: levels)
    return tf.cond(upside_down, lambda: levels[::-1], lambda: levels)


def find_in_jpeg(data: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Returns the orientation of a JPEG, a string scalar, as an int64 scalar; it fails for image `number`."""
    parts = tf.strings.split([data], b"Exif\0\0")[0]

    def find() -> tf.Tensor:
        usual = tf.reduce_any(tf.strings.length(parts[0]) == _JPEG_PLACES)
        usual &= tf.strings.substr(parts[0], -4, 2) == _APP1
        size = read_number(parts[0], -2, 2, little=False) - 8
        return _read(data, parts, usual, size, number)

    return tf.cond(tf.size(parts) > 1, find, _stand_upright)


def find_in_png(data: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Returns the orientation of a PNG, a string scalar [], as an int64 scalar []; see `find_in_jpeg`."""
    parts = tf.strings.split([data], b"eXIf")[0]

    def find() -> tf.Tensor:
        size = read_number(parts[0], -4, 4, little=False)
        return _read(data, parts, ~_contains(parts[0], b"IDAT"), size, number)

    return tf.cond(tf.size(parts) > 1, find, _stand_upright)


def _stand_upright() -> tf.Tensor:
    """Returns the orientation of files without EXIF data, an int64 scalar."""
    return tf.constant(1, tf.int64)


def _read(
    data: tf.Tensor, parts: tf.Tensor, usual: tf.Tensor, size: tf.Tensor, number: tf.Tensor | int
) -> tf.Tensor:
    """Returns the orientation, an int64 scalar, in the EXIF data with which the second part begins.

    Args:
      data: The file, a string scalar.
      parts: What is before and after the mark of EXIF data in it, string [N].
      usual: Whether the mark is at a usual place, a bool scalar.
      size: Bytes of the EXIF data, an int64 scalar.
      number: Number of the image, for errors.
    """
    exif = tf.strings.substr(parts[1], tf.constant(0, tf.int64), size)
    little = tf.strings.substr(exif, 0, 4) == b"II*\0"
    sound = (tf.size(parts) == 2) & usual & (size > 0) & (little | (tf.strings.substr(exif, 0, 4) == b"MM\0*"))
    checked = require(sound, "EXIF data twice, damaged or at an unusual place is in image", number)
    with tf.control_dependencies([checked]):
        start = read_number(exif, 4, 4, little)
    count = read_number(exif, start, 2, little)
    entries = tf.io.decode_raw(tf.strings.substr(exif, start + 2, count * _ENTRY), tf.uint8)
    entries = tf.reshape(entries, tf.stack([count, _ENTRY]))
    whole = tf.reduce_all(_find_ends(entries, little) <= tf.cast(tf.strings.length(exif), tf.int64))
    require(whole, "EXIF data with values beyond its end is in image", number)
    found = tf.boolean_mask(entries, join_bytes(entries[:, :2], little) == _ORIENTATION)
    known = tf.reduce_all(join_bytes(found[:, 2:4], little) == _SHORT)
    known &= tf.reduce_all(join_bytes(found[:, 4:8], little) == 1) & (tf.shape(found)[0] <= 1)
    known &= (tf.shape(found)[0] == 1) | ~tf.reduce_any([_contains(data, name) for name in _XMP])
    require(known, "no plain orientation is in the EXIF data of image", number)
    return tf.reduce_sum(join_bytes(found[:, 8:10], little))  # 0 for none


def _find_ends(entries: tf.Tensor, little: tf.Tensor) -> tf.Tensor:
    """Returns where the value of each entry, uint8 [N, 12], ends, int64 [N]; 0 for values within the entry."""
    kinds = tf.minimum(join_bytes(entries[:, 2:4], little), len(_SIZES) - 1)
    sizes = tf.gather(tf.constant(_SIZES, tf.int64), kinds) * join_bytes(entries[:, 4:8], little)
    return tf.where(sizes > 4, join_bytes(entries[:, 8:], little) + sizes, 0)


def _contains(data: tf.Tensor, part: bytes) -> tf.Tensor:
    """Returns whether a string scalar contains some bytes, a bool scalar."""
    return tf.size(tf.strings.split([data], part)[0]) > 1
