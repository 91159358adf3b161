"""Augmentation of a batch of lines: what their text says stays, what it looks like changes.

All is a pure function of lines, widths and seed, in TensorFlow's stateless operations: the same eagerly, in
tf.function and in Dataset.map, up to the last bit.
"""

import math

import tensorflow as tf

from densenet_ocr.pipeline.augmentation import config as ranges
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.augmentation.ink import estimate_paper
from densenet_ocr.pipeline.augmentation.random_values import Draws
from densenet_ocr.pipeline.augmentation.warp import warp


def augment(image, width, *, seed, augmentation: AugmentConfig):
    """The lines after the operations that each of them drew.

    Takes normalised lines float32 [B, H, W, 1], their widths int32 [B] in pixels without padding, 1 to W, and a
    seed int32 [2]. Columns from `width` on come out as they went in, and nothing of them gets into a line. A
    line's draws depend on the seed and on its place in the batch, not on the other lines.
    """
    if not augmentation.ops:
        return image
    inside = tf.sequence_mask(width, tf.shape(image)[2])[:, None, :, None]
    line = tf.where(inside, image, tf.gather(image, width - 1, axis=2, batch_dims=1)[:, :, None])
    draws = {name: Draws(seed, name, tf.shape(image)[0], augmentation) for name in augmentation.ops}
    if any(name in draws for name in ranges.WARPS):
        line = warp(line, width, draws)
    for name, change in _CHANGES.items():
        if name in draws:
            line = change(line, width, draws[name])
    return tf.where(inside, tf.clip_by_value(line, -0.5, 0.5), image)


def _cut_out(line, width, draws: Draws):
    """Paints small rectangles in the colour of the paper, as if ink had not taken."""
    height, longest = line.shape[1], tf.shape(line)[2]
    every = ranges.CUT_OUT_EVERY * height
    number = tf.range(longest // every + 1)[None]
    count = tf.size(number)
    own = tf.cast(number <= width[:, None] // every, tf.float32)
    column = draws.uniform("column", count) * tf.cast(width[:, None], tf.float32)
    row = draws.uniform("row", count) * height
    wide, high = (draws.within(side, ranges.CUT_OUT_SIDE, count) * own * height for side in ("wide", "high"))
    # A pixel is in some rectangle if, for some number, its column and its row are.
    columns, rows = _cover(column, wide, longest), _cover(row, high, height)
    inside = tf.matmul(rows, columns, transpose_a=True)[..., None] > 0
    paper = estimate_paper(line, tf.zeros_like(width), width)
    return tf.where(inside, paper[:, None, None, None], line)


def _cover(middle, size, length):
    """Which of `length` pixels have their centres within size / 2 of `middle`, float32 [B, N, length]."""
    place = tf.cast(tf.range(length), tf.float32) + 0.5
    return tf.cast(tf.abs(place - middle[..., None]) < size[..., None] / 2, tf.float32)


def _contrast(line, width, draws: Draws):
    """Scales the grey around its middle and moves it, by no more than black and white leave room for."""
    low, high = tf.reduce_min(line, axis=[1, 2, 3]), tf.reduce_max(line, axis=[1, 2, 3])
    factor = tf.minimum(tf.exp(draws.within("factor", ranges.CONTRAST)), 1 / tf.maximum(high - low, 1e-3))
    room = 0.5 - factor * (high - low) / 2
    middle = (high + low) / 2
    moved = tf.clip_by_value(middle + draws.within("brightness", ranges.BRIGHTNESS), -room, room)
    factor, offset = tf.where(draws.chosen, factor, 1.0), tf.where(draws.chosen, moved - factor * middle, 0.0)
    return line * factor[:, None, None, None] + offset[:, None, None, None]


def _shade(line, width, draws: Draws):
    """Darkens the line more and more in some direction."""
    angle = draws.uniform("direction") * (2 * math.pi)
    x, y = tf.cos(angle), tf.sin(angle)
    # In the direction (x, y) a line of size 1 is |x| + |y| long.
    length = tf.abs(x) + tf.abs(y)
    depth = draws.within("depth", ranges.SHADE)
    x, y = x / length, y / length
    column = (tf.range(tf.shape(line)[2], dtype=tf.float32)[None] + 0.5) / tf.cast(width[:, None], tf.float32)
    row = (tf.range(line.shape[1], dtype=tf.float32)[None] + 0.5) / line.shape[1]
    along, across = (depth * x)[:, None] * (column - 0.5), (depth * y)[:, None] * (row - 0.5)
    light = ((1 - depth / 2)[:, None] - along)[:, None, :, None] - across[:, :, None, None]
    # Black, -0.5, gives back no light to lose.
    return line * light + (light - 1) * 0.5


def _blur(line, width, draws: Draws):
    """Blurs with a Gaussian of the line's own width."""
    height = line.shape[1]
    sigma = draws.within("sigma", ranges.BLUR) * height
    radius = math.ceil(2 * ranges.BLUR[1] * draws.strength * height)
    # A sigma of 0 gives a kernel that is 1 in its middle and 0 elsewhere.
    half = tf.exp(-0.5 * tf.square(tf.range(radius + 1.0) / tf.maximum(sigma, 1e-3)[:, None]))
    half /= 2 * tf.reduce_sum(half, axis=1, keepdims=True) - 1
    return _convolve(_convolve(line, half, axis=1), half, axis=2)


def _convolve(line, half, axis: int):
    """Convolves along an axis with each line's own symmetric kernel, `half` of it, from its middle on, [B, N].

    Written out, as TensorFlow 2.16's depthwise convolution divides by zero, which ends the process, for wide
    lines and kernels on some CPUs (https://github.com/tensorflow/tensorflow/issues/57749).
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


def _slice(line, start: int, size, axis: int):
    return line[:, start : start + size] if axis == 1 else line[:, :, start : start + size]


def _noise(line, width, draws: Draws):
    """Adds grain."""
    sigma = draws.within("sigma", ranges.NOISE)
    return line + draws.normal("grain", line.shape[1], tf.shape(line)[2], 1) * sigma[:, None, None, None]


_CHANGES = {"cut_out": _cut_out, "contrast": _contrast, "shade": _shade, "blur": _blur, "noise": _noise}
