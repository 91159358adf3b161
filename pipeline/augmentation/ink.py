"""Estimates of a batch of lines, float32 [B, H, W, 1]: the grey of the paper and the extent of the ink."""

import tensorflow as tf

# Columns and rows that are sampled for the paper's grey: the median of 512 pixels varies little.
_COLUMNS, _ROWS = 32, 16

# Share of a line's largest difference from its paper above which a pixel is ink: more than the paper's grain.
_INK = 0.25


def estimate_paper(line: tf.Tensor, start: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Estimates the grey of the paper by the median of sampled pixels, because most of a line is paper.

    Args:
      line: float32 [B, H, W, 1].
      start: First column to sample, int32 [B].
      length: Number of columns, int32 [B].

    Returns:
      float32 [B].
    """
    height = line.shape[1]
    rows = tf.range(0, height, max(1, height // _ROWS))
    places = start[:, None] + tf.range(_COLUMNS) * length[:, None] // _COLUMNS
    pixels = tf.gather(tf.gather(line[..., 0], rows, axis=1), places, axis=2, batch_dims=1)
    pixels = tf.reshape(pixels, [tf.shape(line)[0], -1])
    return tf.raw_ops.NthElement(input=pixels, n=tf.shape(pixels)[1] // 2)


def find_ink(line: tf.Tensor, width: tf.Tensor, paper: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds the box of the ink; a blank line counts as all ink.

    Args:
      line: float32 [B, H, W, 1]; the padding repeats the last column or is paper.
      width: Pixels without padding, int32 [B].
      paper: The paper's grey, float32 [B].

    Returns:
      The first and the last (column, row) with ink, float32 [B, 2] each.
    """
    difference = tf.abs(line[..., 0] - paper[:, None, None])
    along, across = tf.reduce_max(difference, axis=1), tf.reduce_max(difference, axis=2)
    least = _INK * tf.reduce_max(across, axis=1, keepdims=True)
    left, right = _find_ends(along > least)
    top, bottom = _find_ends(across > least)
    right = tf.minimum(right, width - 1)
    return tf.cast(tf.stack([left, top], 1), tf.float32), tf.cast(tf.stack([right, bottom], 1), tf.float32)


def _find_ends(marked: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the first and last true columns of bool [B, N], int32 [B] each; 0 and N - 1 if a row has none."""
    marks = tf.cast(marked, tf.int32)
    first = tf.argmax(marks, axis=1, output_type=tf.int32)
    last = tf.shape(marks)[1] - 1 - tf.argmax(marks[:, ::-1], axis=1, output_type=tf.int32)
    return first, last
