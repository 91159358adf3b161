"""Contrast and polarity (pipeline.imaging) as TensorFlow operations on grey levels, uint8 [H, W]."""

import tensorflow as tf

from densenet_ocr.pipeline.imaging.contrast import ALWAYS, MIN_CONTRAST, NEVER, PIXELS_PER_SPECK


def find_levels(levels: tf.Tensor, ranks: tf.Tensor) -> tf.Tensor:
    """Returns the levels of some ranks, int32 [N]; the darkest level has rank 1."""
    up_to = tf.cumsum(tf.math.bincount(tf.cast(tf.reshape(levels, [-1]), tf.int32), minlength=256))
    return tf.searchsorted(up_to, ranks)


def find_range(levels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the darkest and the lightest level, int32 scalars, without specks."""
    specks = tf.size(levels) // PIXELS_PER_SPECK
    darkest, lightest = tf.unstack(find_levels(levels, tf.stack([specks + 1, tf.size(levels) - specks])))
    return darkest, lightest


def has_contrast(levels: tf.Tensor) -> tf.Tensor:
    """Returns whether the levels can show a text, a bool scalar."""
    darkest, lightest = find_range(levels)
    return lightest - darkest >= MIN_CONTRAST


def make_dark_on_light(levels: tf.Tensor, invert: str) -> tf.Tensor:
    """Returns the levels, or their inverse, uint8 [H, W], as a setting of polarity.INVERT says."""
    if invert == NEVER:
        return levels
    inverts = tf.constant(True) if invert == ALWAYS else is_light_on_dark(levels)
    return tf.where(inverts, 255 - levels, levels)


def is_light_on_dark(levels: tf.Tensor) -> tf.Tensor:
    """Returns whether a text is light on dark, a bool scalar."""
    darkest, lightest = find_range(levels)
    border = tf.cast(tf.concat([levels[0], levels[-1], levels[:, 0], levels[:, -1]], 0), tf.int64)
    middle = tf.cast(darkest + lightest, tf.int64) * tf.size(border, tf.int64)  # twice its sum
    is_dark = 2 * tf.reduce_sum(border) < middle
    return is_dark & (lightest - darkest >= MIN_CONTRAST)
