"""Buckets of lines of any width: which widths share a batch, and how many lines it has."""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

# A bucket is wider than the one before by this factor, or by STEP pixels if that is more: the cost of padding.
GROWTH = 1.125

# Pixels; even, so that the first convolution, of stride 2, sees a padded line as it sees the line alone.
STEP = 8


@dataclasses.dataclass(frozen=True)
class Bucket:
    """Lines that share batches.

    Attributes:
      width: Pixels that all lines are padded to.
      size: Lines of a batch.
      lines: Lines of the split in this bucket.
    """

    width: int
    size: int
    lines: int

    @property
    def batches(self) -> int:
        """Batches of one pass over the lines; the last one may need filler rows."""
        return -(-self.lines // self.size)


def make_buckets(widths: dict[int, int], *, batch_size: int, replicas: int = 1) -> tuple[Bucket, ...]:
    """Divides the lines of a split into buckets.

    A batch has about as many pixels as `batch_size` lines of the mean width, or fewer if that makes a bucket's
    batches equal.

    Args:
      widths: Number of lines of each width in pixels.
      batch_size: Mean lines of a batch over all replicas.
      replicas: Sizes are multiples of it, so that every replica gets a row.

    Returns:
      Buckets, narrowest first; none for no lines.
    """
    if not widths:
        return ()
    lines = sum(widths.values())
    pixels = batch_size * sum(width * count for width, count in widths.items()) / lines
    bounds = list_bounds(max(widths))
    groups = itertools.groupby(sorted(widths), lambda width: next(b for b in bounds if width <= b))
    return tuple(
        _make_bucket(bound, pixels, sum(widths[width] for width in group), replicas) for bound, group in groups
    )


def batch_by_width(widths: Sequence[int], *, size: int, most: float) -> Iterator[list[int]]:
    """Yields indices of `size` lines or fewer, the widest at most `most` times as wide as the narrowest."""
    batch: list[int] = []
    for place in sorted(range(len(widths)), key=widths.__getitem__):
        if batch and (len(batch) == size or widths[place] > most * widths[batch[0]]):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def pad_lines(lines: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Pads lines with 0 to one batch.

    Args:
      lines: B arrays, uint8 [H, W], of one height.

    Returns:
      Levels, uint8 [B, H, the widest W], and widths, int32 [B].
    """
    widths = np.asarray([line.shape[1] for line in lines], np.int32)
    levels = np.zeros([len(lines), lines[0].shape[0], widths.max()], np.uint8)
    for row, line in zip(levels, lines, strict=True):
        row[:, : line.shape[1]] = line
    return levels, widths


def list_bounds(widest: int) -> list[int]:
    """Returns the widths of buckets in pixels, up to the first that holds the widest line."""
    bounds = [2 * STEP]
    while bounds[-1] < widest:
        bounds.append(max(bounds[-1] + STEP, int(bounds[-1] * GROWTH) // STEP * STEP))
    return bounds


def _make_bucket(width: int, pixels: float, lines: int, replicas: int) -> Bucket:
    share = max(1, round(pixels / width / replicas))  # lines per replica, at most
    batches = math.ceil(lines / (share * replicas))
    # Equal batches: a last batch of a few lines costs a whole step, and its batch statistics are poor.
    return Bucket(width, math.ceil(lines / (batches * replicas)) * replicas, lines)
