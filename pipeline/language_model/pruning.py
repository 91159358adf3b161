"""Which n-grams a model leaves out: those that occur seldom."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.language_model import trie
from densenet_ocr.pipeline.language_model.counts import NGramCounts

# Larger counts are all taken for this one: what occurs so often is never left out.
_MOST = 1 << 16

# On 50 MB of Chinese text with 1.6 million different pairs, the thresholds 0, 1, 1, 3, 3 gave a perplexity of
# 104.2 at 18.8 MB, and 0, 0, 2, 2, 3, which keep all pairs, one of 106.0 at 19.7 MB.
_LEAD = 2


def find_thresholds(
    counts: NGramCounts, thresholds: Sequence[int], max_bytes: float, *, quantize: bool
) -> tuple[int, ...]:
    """Raises thresholds until a model is small enough.

    Args:
      counts: Counts of all n-grams.
      thresholds: For each order, n-grams that occur so often or less are left out; ascending.
      max_bytes: Size of the model's arrays; infinity for no limit.
      quantize: Whether logarithms take 8 bits.

    Returns:
      The first thresholds that fit, of these, and those raised step by step, of the longest n-grams first; then
      lowered again, of the shortest n-grams first, where there is room.

    Raises:
      UserError: no thresholds fit.
    """
    # rarer[n][c] n-grams occur at most c times.
    rarer = [np.cumsum(np.bincount(np.minimum(own, _MOST))) for own in counts.counts]

    def fits(limits: Sequence[int]) -> bool:
        kept = [counts.vocabulary.size]
        for below, limit in zip(rarer[1:], limits[1:], strict=True):
            kept.append(int(below[-1] - below[min(limit, len(below) - 1)]) if len(below) else 0)
        return trie.count_bytes(kept, counts.vocabulary.size, quantize=quantize) <= max_bytes

    for raised in _raise(tuple(thresholds)):
        if fits(raised):
            return _fill(raised, thresholds, fits)
    raise UserError(
        "max_megabytes",
        received=f"{max_bytes / 1e6:g}",
        expected="more than the single characters take",
        remedy="Raise --max_megabytes.",
    )


def _raise(thresholds: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yields thresholds, each with one order raised by one.

    That is the longest order whose threshold may still lead that of the order before it: by 1 at order 3, by 2
    at longer ones. Order 2 waits for all others.
    """
    yield thresholds
    raised = list(thresholds)
    while len(raised) > 1 and raised[1] < _MOST - 1:
        longest = range(len(raised) - 1, 1, -1)
        order = next((k for k in longest if raised[k] - raised[k - 1] < min(k - 1, _LEAD)), 1)
        raised[order] += 1
        yield tuple(raised)


def _fill(
    thresholds: tuple[int, ...], least: Sequence[int], fits: Callable[[Sequence[int]], bool]
) -> tuple[int, ...]:
    """Lowers thresholds, none below that of the order before it, while they fit."""
    filled = list(thresholds)
    for order in range(1, len(filled)):
        while filled[order] > max(least[order], filled[order - 1]):
            lower = [*filled[:order], filled[order] - 1, *filled[order + 1 :]]
            if not fits(lower):
                break
            filled = lower
    return tuple(filled)
