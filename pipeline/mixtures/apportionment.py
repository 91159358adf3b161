"""How many lines of each data set a mixture has up to any line, in closed form: any step can be the first."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def count_lines(shares: Sequence[int], position: Any) -> list[Any]:
    """Returns how many of the first `position` lines of a mixture are of each data set.

    The first data set gets its share of the lines, rounded; the others divide the rest in the same way. So no
    count ever falls, one count rises with each line, and two data sets are within half a line of their shares.

    Args:
      shares: Whole numbers, at least 1, whose sum is at most sources.MOST_SHARES.
      position: A whole number, or an array or tensor of them, int64.

    Returns:
      For each data set a count, of the type and shape of `position`.
    """
    counts, rest, whole = [], position, sum(shares)
    for share in shares:
        counts.append((2 * rest * share + whole) // (2 * whole))
        rest, whole = rest - counts[-1], whole - share
    return counts


def choose_sources(shares: Sequence[int], batch_size: int, seed: int, step: tf.Tensor) -> tf.Tensor:
    """Returns the data set of each line of a batch, int64 [B], by number, in the order of (seed, step).

    Args:
      shares: Whole numbers, see `count_lines`.
      batch_size: Lines of a batch, B.
      seed: Seed of the order.
      step: Number of the batch, from 0, an int64 scalar.
    """
    counts = count_lines(shares, step * batch_size + tf.range(batch_size + 1, dtype=tf.int64))
    chosen = sum(number * (count[1:] - count[:-1]) for number, count in enumerate(counts))
    return tf.random.experimental.stateless_shuffle(chosen, tf.stack([tf.constant(seed, tf.int64), step]))
