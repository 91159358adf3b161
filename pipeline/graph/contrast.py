"""pipeline.contrast as TensorFlow operations on grey levels, uint8 [H, W]."""

import tensorflow as tf

from densenet_ocr.pipeline.contrast import MIN_CONTRAST, PIXELS_PER_SPECK


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
