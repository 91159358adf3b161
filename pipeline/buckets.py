"""Lines of any width in batches: which widths go together, and how many lines of them."""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

# A bucket is at most this much wider than the one before, or STEP pixels if that is more: what padding costs.
GROWTH = 1.125

# Even, so that every line can stand where the network's first convolution, of stride 2, has it alone.
STEP = 8


@dataclasses.dataclass(frozen=True)
class Bucket:
    """Lines of widths up to `width` pixels, which all of them are padded to: `size` make a batch."""

    width: int
    size: int
    lines: int

    @property
    def batches(self) -> int:
        """Batches of a pass over the bucket's lines, the last of which may have rows to fill up."""
        return -(-self.lines // self.size)


def make_buckets(widths: dict[int, int], *, batch_size: int, replicas: int = 1) -> tuple[Bucket, ...]:
    """The buckets, narrowest first, of lines counted by width.

    A batch has about as many pixels as `batch_size` lines of the mean width, or fewer where that gives equal
    batches. Sizes are multiples of `replicas`, at least one a replica.
    """
    if not widths:
        return ()
    lines = sum(widths.values())
    pixels = batch_size * sum(width * count for width, count in widths.items()) / lines
    bounds = _choose_bounds(max(widths))
    groups = itertools.groupby(sorted(widths), lambda width: next(b for b in bounds if width <= b))
    return tuple(
        _make_bucket(bound, pixels, sum(widths[width] for width in group), replicas) for bound, group in groups
    )


def batch_by_width(widths: Sequence[int], *, size: int, most: float) -> Iterator[list[int]]:
    """The places of `size` lines or fewer whose widest is at most `most` times as wide as the narrowest."""
    batch = []
    for place in sorted(range(len(widths)), key=widths.__getitem__):
        if batch and (len(batch) == size or widths[place] > most * widths[batch[0]]):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def pad_lines(lines: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lines, uint8 [H, W] of one height, as uint8 [B, H, the widest W], and their widths, int32 [B]."""
    widths = np.asarray([line.shape[1] for line in lines], np.int32)
    levels = np.zeros([len(lines), lines[0].shape[0], widths.max()], np.uint8)
    for row, line in zip(levels, lines, strict=True):
        row[:, : line.shape[1]] = line
    return levels, widths


def _choose_bounds(widest: int) -> list[int]:
    bounds = [2 * STEP]
    while bounds[-1] < widest:
        bounds.append(max(bounds[-1] + STEP, int(bounds[-1] * GROWTH) // STEP * STEP))
    return bounds


def _make_bucket(width: int, pixels: float, lines: int, replicas: int) -> Bucket:
    share = max(1, round(pixels / width / replicas))  # of a replica, at most
    batches = math.ceil(lines / (share * replicas))
    # A last batch of a few lines would take a whole one's time, and its statistics would be poor.
    return Bucket(width, math.ceil(lines / (batches * replicas)) * replicas, lines)
