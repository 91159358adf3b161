"""Estimates of a batch of lines, float32 [B, H, W, 1]: the grey of their paper, and where their ink is."""

import tensorflow as tf

# Columns and rows that the paper's grey is estimated from: the median of 512 pixels varies little.
_COLUMNS, _ROWS = 32, 16

# Share of a line's largest difference from its paper that makes a pixel ink: more than paper's own grain.
_INK = 0.25


def estimate_paper(line, start, length):
    """Median grey of `length` columns from `start` on (both int32 [B]), float32 [B], by some of their pixels.

    Most of a line is paper.
    """
    height = line.shape[1]
    rows = tf.range(0, height, max(1, height // _ROWS))
    places = start[:, None] + tf.range(_COLUMNS) * length[:, None] // _COLUMNS
    pixels = tf.gather(tf.gather(line[..., 0], rows, axis=1), places, axis=2, batch_dims=1)
    pixels = tf.reshape(pixels, [tf.shape(line)[0], -1])
    return tf.raw_ops.NthElement(input=pixels, n=tf.shape(pixels)[1] // 2)


def find_ink(line, width, paper):
    """The first and last columns and rows with ink: two of float32 [B, 2], (x, y); a blank line is all ink.

    Behind `width` (int32 [B]) the lines have to go on as their last column is, or as paper.
    """
    difference = tf.abs(line[..., 0] - paper[:, None, None])
    along, across = tf.reduce_max(difference, axis=1), tf.reduce_max(difference, axis=2)
    least = _INK * tf.reduce_max(across, axis=1, keepdims=True)
    left, right = _find_ends(along > least)
    top, bottom = _find_ends(across > least)
    right = tf.minimum(right, width - 1)
    return tf.cast(tf.stack([left, top], 1), tf.float32), tf.cast(tf.stack([right, bottom], 1), tf.float32)


def _find_ends(marked):
    """Numbers of the first and last marks of each row of bool [B, N]; of a row without any, 0 and N - 1."""
    marks = tf.cast(marked, tf.int32)
    first = tf.argmax(marks, axis=1, output_type=tf.int32)
    last = tf.shape(marks)[1] - 1 - tf.argmax(marks[:, ::-1], axis=1, output_type=tf.int32)
    return first, last
