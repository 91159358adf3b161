"""Augmentation of a batch of lines, which stay readable.

Everything is a pure function of lines, widths and seed, in TensorFlow's stateless operations: equal in every
bit eagerly, in tf.function and in Dataset.map. `line` is float32 [B, H, W, 1], `width` int32 [B] throughout.

To add an operation, write a function as those in _CHANGES, and name it and its ranges in augmentation.config.
"""

import math

import tensorflow as tf

from densenet_ocr.pipeline.augmentation import config as ranges
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.augmentation.ink import estimate_paper
from densenet_ocr.pipeline.augmentation.random_values import Draws
from densenet_ocr.pipeline.augmentation.warp import warp


def augment(
    image: tf.Tensor,
    width: tf.Tensor,
    *,
    seed: tf.Tensor,
    augmentation: AugmentConfig,
    place: tf.Tensor | None = None,
) -> tf.Tensor:
    """Applies random operations to each line of a batch.

    The random numbers of a line depend on the seed and its place in the batch, not on the other lines. Padding,
    the columns from `width` on, stays unchanged and does not leak into lines.

    Args:
      image: Normalised lines, float32 [B, H, W, 1], -0.5 to 0.5.
      width: Pixels without padding, int32 [B], 1 to W.
      seed: int32 [2].
      augmentation: Operations, their probability and strength.
      place: If the lines are a part of a batch: the first one in it, the first one after them, and the lines of
        the batch, int32 [3]. They get the random numbers that they have there.

    Returns:
      Augmented lines, float32 [B, H, W, 1], -0.5 to 0.5.
    """
    if not augmentation.ops:
        return image
    inside = tf.sequence_mask(width, tf.shape(image)[2])[:, None, :, None]
    line = tf.where(inside, image, tf.gather(image, width - 1, axis=2, batch_dims=1)[:, :, None])
    rows, part = (tf.shape(image)[0], None) if place is None else (place[2], place[:2])
    draws = {name: Draws(seed, name, rows, augmentation, part=part) for name in augmentation.ops}
    if any(name in draws for name in ranges.WARPS):
        line = warp(line, width, draws)
    for name, change in _CHANGES.items():
        if name in draws:
            line = change(line, width, draws[name])
    return tf.where(inside, tf.clip_by_value(line, -0.5, 0.5), image)


def _cut_out(line: tf.Tensor, width: tf.Tensor, draws: Draws) -> tf.Tensor:
    """Paints small rectangles in the grey of the paper, as where ink is missing."""
    height, longest = line.shape[1], tf.shape(line)[2]
    every = ranges.CUT_OUT_EVERY * height
    number = tf.range(longest // every + 1)[None]
    count = tf.size(number)
    own = tf.cast(number <= width[:, None] // every, tf.float32)
    column = draws.uniform("column", count) * tf.cast(width[:, None], tf.float32)
    row = draws.uniform("row", count) * height
    wide, high = (draws.within(side, ranges.CUT_OUT_SIDE, count) * own * height for side in ("wide", "high"))
    # A pixel is in some rectangle if one of them covers both its column and its row.
    columns, rows = _cover(column, wide, longest), _cover(row, high, height)
    inside = tf.matmul(rows, columns, transpose_a=True)[..., None] > 0
    paper = estimate_paper(line, tf.zeros_like(width), width)
    return tf.where(inside, paper[:, None, None, None], line)


def _cover(middle: tf.Tensor, size: tf.Tensor, length: tf.Tensor | int) -> tf.Tensor:
    """Returns 1 for pixels within size / 2 of `middle`, both float32 [B, N], else 0; float32 [B, N, length]."""
    place = tf.cast(tf.range(length), tf.float32) + 0.5
    return tf.cast(tf.abs(place - middle[..., None]) < size[..., None] / 2, tf.float32)


def _invert(line: tf.Tensor, width: tf.Tensor, draws: Draws) -> tf.Tensor:
    """Makes the text light on dark."""
    kept = tf.minimum(ranges.KEPT_CONTRAST + draws.within("contrast", ranges.MORE_CONTRAST), 1.0)
    factor = tf.where(draws.chosen, -kept, 1.0)
    return line * factor[:, None, None, None]


def _contrast(line: tf.Tensor, width: tf.Tensor, draws: Draws) -> tf.Tensor:
    """Scales grey around its middle and shifts it, without saturation at black or white."""
    low, high = tf.reduce_min(line, axis=[1, 2, 3]), tf.reduce_max(line, axis=[1, 2, 3])
    factor = tf.minimum(tf.exp(draws.within("factor", ranges.CONTRAST)), 1 / tf.maximum(high - low, 1e-3))
    room = 0.5 - factor * (high - low) / 2
    middle = (high + low) / 2
    moved = tf.clip_by_value(middle + draws.within("brightness", ranges.BRIGHTNESS), -room, room)
    factor, offset = tf.where(draws.chosen, factor, 1.0), tf.where(draws.chosen, moved - factor * middle, 0.0)
    return line * factor[:, None, None, None] + offset[:, None, None, None]


def _shade(line: tf.Tensor, width: tf.Tensor, draws: Draws) -> tf.Tensor:
    """Darkens the line gradually in a random direction."""
    angle = draws.uniform("direction") * (2 * math.pi)
    x, y = tf.cos(angle), tf.sin(angle)
    # A unit square is |x| + |y| long in the direction (x, y).
    length = tf.abs(x) + tf.abs(y)
    depth = draws.within("depth", ranges.SHADE)
    x, y = x / length, y / length
    column = (tf.range(tf.shape(line)[2], dtype=tf.float32)[None] + 0.5) / tf.cast(width[:, None], tf.float32)
    row = (tf.range(line.shape[1], dtype=tf.float32)[None] + 0.5) / line.shape[1]
    along, across = (depth * x)[:, None] * (column - 0.5), (depth * y)[:, None] * (row - 0.5)
    light = ((1 - depth / 2)[:, None] - along)[:, None, :, None] - across[:, :, None, None]
    # Black (-0.5) stays black.
    return line * light + (light - 1) * 0.5


def _blur(line: tf.Tensor, width: tf.Tensor, draws: Draws) -> tf.Tensor:
    """Convolves with a Gaussian of each line's own standard deviation."""
    height = line.shape[1]
    sigma = draws.within("sigma", ranges.BLUR) * height
    radius = math.ceil(2 * ranges.BLUR[1] * draws.strength * height)
    # A sigma of 0 gives a kernel that is 1 in its middle and 0 elsewhere.
    half = tf.exp(-0.5 * tf.square(tf.range(radius + 1.0) / tf.maximum(sigma, 1e-3)[:, None]))
    half /= 2 * tf.reduce_sum(half, axis=1, keepdims=True) - 1
    return _convolve(_convolve(line, half, axis=1), half, axis=2)


def _convolve(line: tf.Tensor, half: tf.Tensor, axis: int) -> tf.Tensor:
    """Convolves along an axis with symmetric kernels; `half`, float32 [B, N], has theirs from the middle on.

    TensorFlow 2.16's depthwise convolution crashes the process (division by zero) for wide lines and kernels on
    some CPUs: https://github.com/tensorflow/tensorflow/issues/57749.
    """
    size, radius = tf.shape(line)[axis], half.shape[1] - 1
    first, last = tf.split(tf.gather(line, [0, size - 1], axis=axis), 2, axis)
    wide = tf.concat([*[first] * radius, line, *[last] * radius], axis)
    weights = tf.unstack(half[..., None, None, None], axis=1)
    total = line * weights[0]
    for k in range(1, radius + 1):
        before, after = (_slice(wide, radius + offset, size, axis) for offset in (-k, k))
        total += (before + after) * weights[k]
    return total


def _slice(line: tf.Tensor, start: int, size: tf.Tensor, axis: int) -> tf.Tensor:
    return line[:, start : start + size] if axis == 1 else line[:, :, start : start + size]


def _noise(line: tf.Tensor, width: tf.Tensor, draws: Draws) -> tf.Tensor:
    """Adds normal noise to each pixel."""
    sigma = draws.within("sigma", ranges.NOISE)
    return line + draws.normal("grain", line.shape[1], tf.shape(line)[2], 1) * sigma[:, None, None, None]


_CHANGES = {
    "cut_out": _cut_out,
    "invert": _invert,
    "contrast": _contrast,
    "shade": _shade,
    "blur": _blur,
    "noise": _noise,
}
