"""Fitting (pipeline.imaging) as TensorFlow operations: fits grey levels, equal to Pillow in every bit."""

import tensorflow as tf

from densenet_ocr.pipeline.geometry import MAX_PIXELS, Geometry
from densenet_ocr.pipeline.graph.contrast import find_levels
from densenet_ocr.pipeline.graph.headers import require

# Pillow's BICUBIC: the kernel's a, its radius in pixels, and the fractional bits of its coefficients.
_A, _REACH, _BITS = -0.5, 2.0, 22


def fit_for_reading(levels: tf.Tensor, geometry: Geometry, fit: str, number: tf.Tensor | int = 0) -> tf.Tensor:
    """Returns grey levels, uint8 [H, W], fitted as fitting.fit_for_reading does, uint8 [geometry.height, W]."""
    if fit == "resize" and geometry.width:
        return _check_line(resize(levels, geometry.height, geometry.width), geometry, number)
    height, width = tf.unstack(tf.shape(levels, tf.int64))
    natural = tf.cast(width * geometry.height, tf.float64) / tf.cast(height, tf.float64)
    width = tf.maximum(tf.cast(tf.round(natural), tf.int64), 1)  # to even, as Python rounds
    checked = require(width * geometry.height <= MAX_PIXELS, "too wide for a line is image", number)
    with tf.control_dependencies([checked]):  # before memory is taken for it
        width = tf.cast(width, tf.int32)
    levels = resize(levels, geometry.height, width)
    if fit == "pad" and geometry.width:
        missing = tf.maximum(geometry.width - tf.shape(levels)[1], 0)
        levels = tf.pad(levels, [[0, 0], [0, missing]], constant_values=_find_median(levels))
    return _check_line(levels, geometry, number)


def resize(levels: tf.Tensor, height: tf.Tensor | int, width: tf.Tensor | int) -> tf.Tensor:
    """Scales uint8 [H, W] to uint8 [height, width], equal to Pillow's BICUBIC in every bit.

    Two passes, columns first, each rounded to whole levels.
    """
    columns = _resize_rows(tf.transpose(levels), width)
    return _resize_rows(tf.transpose(columns), height)


def _resize_rows(levels: tf.Tensor, size: tf.Tensor | int) -> tf.Tensor:
    """Scales uint8 [N, M] to uint8 [size, M]."""
    return tf.cond(tf.shape(levels)[0] == size, lambda: levels, lambda: _scale_rows(levels, size))


def _scale_rows(levels: tf.Tensor, size: tf.Tensor | int) -> tf.Tensor:
    """Scales uint8 [N, M] to uint8 [size, M] by Pillow's integer coefficients.

    All sums stay below 2^53, so float64 is exact.
    """
    start, weights = _find_weights(tf.shape(levels)[0], size)
    counts = weights.row_lengths()
    row = weights.value_rowids()
    place = tf.ragged.range(start, start + counts).flat_values
    shape = tf.stack([tf.cast(size, tf.int64), tf.shape(levels, tf.int64)[0]])
    matrix = tf.SparseTensor(tf.stack([row, place], axis=1), weights.flat_values, shape)
    scaled = tf.sparse.sparse_dense_matmul(matrix, tf.cast(levels, tf.float64))
    whole = tf.floor((scaled + 2.0 ** (_BITS - 1)) / 2.0**_BITS)
    return tf.cast(tf.clip_by_value(whole, 0, 255), tf.uint8)


def _find_weights(rows: tf.Tensor, size: tf.Tensor | int) -> tuple[tf.Tensor, tf.RaggedTensor]:
    """Returns first source rows, int64 [size], and their weights, ragged float64 [size, None]."""
    rows, size = tf.cast(rows, tf.float64), tf.cast(size, tf.float64)
    scale = rows / size
    stretch = tf.maximum(scale, 1)  # scaling down widens the kernel to the source rows of one row
    centre = (tf.range(size, dtype=tf.float64) + 0.5) * scale
    start = tf.maximum(tf.cast(centre - _REACH * stretch + 0.5, tf.int64), 0)
    end = tf.minimum(tf.cast(centre + _REACH * stretch + 0.5, tf.int64), tf.cast(rows, tf.int64))
    place = tf.ragged.range(tf.zeros_like(start), end - start)
    row = place.value_rowids()
    distance = tf.cast(place.flat_values + tf.gather(start, row), tf.float64) - tf.gather(centre, row) + 0.5
    weights = place.with_flat_values(_weigh(distance * (1 / stretch)))
    total = tf.gather(tf.reduce_sum(weights, axis=1), row)
    exact = weights.flat_values / total * 2.0**_BITS
    # Halves round away from zero; the cast truncates.
    whole = tf.cast(exact + tf.sign(exact) * 0.5, tf.int64)
    return start, weights.with_flat_values(tf.cast(whole, tf.float64))


def _weigh(distance: tf.Tensor) -> tf.Tensor:
    """Returns the bicubic kernel at some distances in pixels, float64 of the same shape."""
    x = tf.abs(distance)
    near = ((_A + 2) * x - (_A + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * _A
    return tf.where(x < 1, near, tf.where(x < _REACH, far, 0))


def _find_median(levels: tf.Tensor) -> tf.Tensor:
    """Returns the median of uint8 levels, a uint8 scalar, truncated as in pipeline.imaging.fitting.fit_line."""
    middle = tf.stack([(tf.size(levels) + 1) // 2, tf.size(levels) // 2 + 1])
    return tf.cast(tf.reduce_sum(find_levels(levels, middle)) // 2, tf.uint8)


def _check_line(levels: tf.Tensor, geometry: Geometry, number: tf.Tensor | int) -> tf.Tensor:
    """Returns uint8 [H, W], which fails where it is narrower than a frame."""
    least = geometry.least_width
    require(tf.shape(levels)[1] >= least, f"too narrow for a frame of {least} pixels is image", number)
    return levels
