"""Numbers in the headers of image files, and errors with the number of the image, as TensorFlow operations."""

import tensorflow as tf


def read_number(
    data: tf.Tensor, place: tf.Tensor | int, size: int, little: tf.Tensor | bool = True
) -> tf.Tensor:
    """Returns the number in `size` bytes of a string scalar from `place` on, an int64 scalar.

    Args:
      data: The bytes.
      place: Index of the first byte, from the end if it is negative.
      size: Number of bytes.
      little: Whether the lowest byte comes first, a bool scalar.
    """
    place = tf.cast(place, tf.int64)
    digits = tf.io.decode_raw(tf.strings.substr(data, place, size), tf.uint8)
    return join_bytes(tf.ensure_shape(digits, [size]), little)


def join_bytes(digits: tf.Tensor, little: tf.Tensor | bool) -> tf.Tensor:
    """Returns the numbers that bytes, uint8 [..., 7 at most], stand for, int64 [...]."""
    weights = tf.constant([256**k for k in range(digits.shape[-1])], tf.int64)
    return tf.reduce_sum(tf.cast(digits, tf.int64) * tf.where(little, weights, weights[::-1]), axis=-1)


def require(holds: tf.Tensor, message: str, number: tf.Tensor | int) -> tf.Operation | None:
    """Fails unless a bool scalar holds; returns the operation that does so in a graph.

    Args:
      holds: The condition.
      message: What is wrong; it ends where the number of the image follows.
      number: The image's number in the batch, an int32 scalar.
    """
    return tf.debugging.Assert(holds, [message, number])
