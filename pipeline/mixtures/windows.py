"""Windows of a mixture of lines of any width: lines of similar width share a batch, in every one by the shares.

A window is the lines of some steps of the mixture. The lines of each data set are sorted by width; the window's
first batch has the narrowest ones of each data set, its last batch the widest. So the number of lines of each
batch is known before any line is read, and a training can resume at the beginning of any window.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.buckets import list_bounds
from densenet_ocr.pipeline.mixtures.apportionment import count_lines
from densenet_ocr.pipeline.mixtures.mixture import Mixture

# Steps of a window, about: more steps have less padding, and keep more records in memory.
STEPS = 32


@dataclasses.dataclass(frozen=True)
class Windows:
    """How the lines of each window are divided into batches.

    Attributes:
      sizes: Lines of each batch, in the order of their widths.
      bounds: Widths in pixels that batches are padded to.
    """

    sizes: tuple[int, ...]
    bounds: tuple[int, ...]

    @property
    def steps(self) -> int:
        """Batches of a window."""
        return len(self.sizes)

    @property
    def lines(self) -> int:
        """Lines of a window."""
        return sum(self.sizes)


def plan_windows(mixture: Mixture, split: str, batch_size: int, replicas: int = 1) -> Windows:
    """Plans windows whose batches have about as many pixels as one another, padding included.

    Args:
      mixture: The data sets, with lines of any width.
      split: Name of the split, of all of them.
      batch_size: Mean lines of a batch over all replicas, of which it is a multiple.
      replicas: All sizes are multiples of it.

    Returns:
      Windows of `batch_size` lines a step.
    """
    steps = _count_steps(count_pass(mixture, split, batch_size))
    lines = steps * batch_size
    quantiles = np.stack([_find_widths(part.info.splits[split].statistics, lines) for part in mixture.parts])
    pixels = np.cumsum(quantiles.max(axis=0))
    ends = np.searchsorted(pixels, pixels[-1] * np.arange(1, steps) / steps)
    numbers = np.arange(1, steps)
    # Each batch has a row for each replica, at least: ends that are equal move apart.
    spare = np.clip(np.round(ends / replicas).astype(int) - numbers, 0, lines // replicas - steps)
    ends = (np.maximum.accumulate(spare) + numbers) * replicas
    sizes = np.diff(np.concatenate([[0], ends, [lines]]))
    return Windows(tuple(sizes.tolist()), tuple(list_bounds(int(quantiles.max()))))


def count_pass(mixture: Mixture, split: str, batch_size: int) -> int:
    """Returns the whole batches of one pass over the first data set of a mixture, at least one."""
    first, shares = mixture.parts[0].info, mixture.shares
    return max(1, first.find_split(split).written * sum(shares) // (shares[0] * batch_size))


def make_cutter(windows: Windows, shares: tuple[int, ...], seed: int) -> Callable[..., tf.data.Dataset]:
    """Returns a function from the lines of a window to its batches, in an order drawn by (seed, window).

    The function takes records, string [lines], their data sets, int64 [lines], and the number of the window,
    int64 []. Its batches are records, string [B], the number of a bound, int64 [], and data sets, int64 [B].
    """
    ends = np.cumsum(windows.sizes)

    def cut(records: tf.Tensor, sources: tf.Tensor, window: tf.Tensor) -> tf.data.Dataset:
        widths = schema.read_widths(records)
        before, after = (count_lines(shares, (window + k) * windows.lines) for k in (0, 1))
        order = _order(widths, sources, [end - start for start, end in zip(before, after, strict=True)])

        def take(place: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            """Returns the batch of a place among the batches of the window, int64 []."""
            rows = order[tf.constant(ends - windows.sizes)[place] : tf.constant(ends)[place]]
            widest = tf.reduce_max(tf.gather(widths, rows))
            bound = tf.searchsorted(tf.constant(windows.bounds, tf.int64), [widest], out_type=tf.int64)[0]
            # Replicas and workers get parts of the batch, in order: not the narrow and the wide lines.
            step = window * windows.steps + place
            rows = tf.random.experimental.stateless_shuffle(rows, tf.stack([tf.constant(seed, tf.int64), step]))
            return tf.gather(records, rows), bound, tf.gather(sources, rows)

        places = tf.range(windows.steps, dtype=tf.int64)
        key = tf.stack([tf.constant(seed, tf.int64), window])
        places = tf.random.experimental.stateless_shuffle(places, key)
        return tf.data.Dataset.from_tensor_slices(places).map(take)

    return cut


def _count_steps(steps: int) -> int:
    """Returns the steps of a window such that whole windows fill an epoch of so many steps, about."""
    return max(STEPS // 4, steps // max(1, round(steps / STEPS)))


def _find_widths(statistics: dict[str, dict[str, int]], lines: int) -> np.ndarray:
    """Returns the widths of a split at `lines` evenly spaced quantiles, int64 [lines]."""
    counts = {int(width): count for width, count in statistics["widths"].items()}
    widths = np.array(sorted(counts))
    ends = np.cumsum([counts[width] for width in widths.tolist()])
    return widths[np.searchsorted(ends, (np.arange(lines) + 0.5) / lines * ends[-1])]


def _order(widths: tf.Tensor, sources: tf.Tensor, counts: list[tf.Tensor]) -> tf.Tensor:
    """Returns the places of lines, int32 [lines], by the quantile of each one's width in its own data set."""
    # Widths are below 2**31; equal ones stay in their order.
    order = tf.argsort(sources * 2**31 + widths, stable=True)
    ranks = tf.concat([(tf.range(count, dtype=tf.int64) * 2 + 1) / (2 * count) for count in counts], axis=0)
    return tf.gather(order, tf.argsort(ranks, stable=True))
