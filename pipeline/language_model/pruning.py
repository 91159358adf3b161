"""Which n-grams a model leaves out: those that occur seldom."""

from collections.abc import Iterator, Sequence

import numpy as np

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.language_model import trie
from densenet_ocr.pipeline.language_model.counts import NGramCounts

# Counts from here on are not told apart: what occurs so often is never left out.
_MOST = 1 << 16


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
      The first thresholds that fit, of these, and those with the longest n-grams raised first.

    Raises:
      UserError: no thresholds fit.
    """
    # rarer[n][c] n-grams occur at most c times.
    rarer = [np.cumsum(np.bincount(np.minimum(own, _MOST))) for own in counts.counts]
    for raised in _raise(tuple(thresholds)):
        kept = [counts.vocabulary]
        for below, limit in zip(rarer[1:], raised[1:], strict=True):
            kept.append(int(below[-1] - below[min(limit, len(below) - 1)]) if len(below) else 0)
        if trie.count_bytes(kept, counts.vocabulary, quantize=quantize) <= max_bytes:
            return raised
    raise UserError(
        "max_megabytes",
        received=f"{max_bytes / 1e6:g}",
        expected="more than the n-grams of two characters take",
        remedy="Raise --max_megabytes, lower --order to 1, or set --prune.",
    )


def _raise(thresholds: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yields thresholds, each with one order raised by one: the longest one that is not above order 3."""
    yield thresholds
    raised = list(thresholds)
    while len(raised) > 2 and raised[2] < _MOST - 1:
        order = next(k for k in range(len(raised) - 1, 1, -1) if k == 2 or raised[k] <= raised[2])
        raised[order] += 1
        if order == 2:
            raised[3:] = [max(limit, raised[2]) for limit in raised[3:]]
        yield tuple(raised)
