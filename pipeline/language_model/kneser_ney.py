"""Interpolated modified Kneser-Ney: n-gram counts -> probabilities.

Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling" (1999), section 3, in the
order of steps of Heafield et al., "Scalable Modified Kneser-Ney Language Model Estimation" (ACL 2013): adjusted
counts, discounts, probabilities and backoff weights, interpolation.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from densenet_ocr.pipeline.language_model.counts import NGramCounts, select
from densenet_ocr.pipeline.language_model.ngrams import START, UNKNOWN, NGramModel

# Discounts where counts of counts give none: those of lmplz --discount_fallback.
FALLBACK = (0.5, 1.0, 1.5)

# The logarithm of 0 in ARPA files, here as a natural one: START is never predicted.
NEVER = -99 * math.log(10)


@dataclasses.dataclass(frozen=True)
class Discounts:
    """What an order's adjusted counts 1, 2, and 3 and more lose.

    Attributes:
      values: The discounts of 1, 2, and 3 and more.
      are_fallback: Whether they are FALLBACK, for lack of n-grams.
    """

    values: tuple[float, float, float]
    are_fallback: bool

    def of(self, adjusted: np.ndarray) -> np.ndarray:
        """Returns the discount of each adjusted count (int64 [N]), float64 [N]; 0 of 0."""
        return np.array([0.0, *self.values])[np.minimum(adjusted, 3)]


def estimate(counts: NGramCounts, thresholds: Sequence[int]) -> tuple[NGramModel, list[Discounts]]:
    """Estimates a model of n-gram counts.

    Each token but START has a probability: unigrams are interpolated with the uniform distribution.

    Args:
      counts: Counts of all n-grams.
      thresholds: For each order, n-grams that occur so often or less are left out, and their probability goes
        to the backoff; ascending, 0 for order 1.

    Returns:
      The model, and the discounts of each order.
    """
    suffixes = _find_suffixes(counts)
    adjusted = _adjust(counts, suffixes)
    discounts = [_find_discounts(own) for own in adjusted]
    kept = [count > limit for count, limit in zip(counts.counts, thresholds, strict=True)]
    kept[0][:] = True
    shares = [
        _discount(adjusted[order - 1], discounts[order - 1], kept[order - 1], counts, order)
        for order in range(1, counts.order + 1)
    ]
    probabilities = _interpolate(counts, suffixes, shares)
    chosen, pairs = select(counts, kept), zip(probabilities, kept, strict=True)
    model = NGramModel(
        counts.vocabulary,
        chosen.keys,
        tuple(_log(values[own], order == 0) for order, (values, own) in enumerate(pairs)),
        tuple(
            np.log(share.backoff[own]).astype(np.float32)
            for share, own in zip(shares[1:], kept[:-1], strict=True)
        ),
    )
    return model, discounts


def _find_suffixes(counts: NGramCounts) -> list[np.ndarray]:
    """For each order n the place of each n-gram's last n - 1 tokens in order n - 1, int [N_n]."""
    suffixes = [np.zeros(counts.vocabulary.size, np.int32)]
    for order in range(2, counts.order + 1):
        places = keys = counts.tokens(order)
        if order > 2:
            keys += suffixes[-1][counts.parents(order)].astype(np.int64) * counts.vocabulary.size
            places = np.searchsorted(counts.keys[order - 2], keys)
        suffixes.append(places.astype(np.int32 if len(counts.keys[order - 2]) < 1 << 31 else np.int64))
    return suffixes


def _adjust(counts: NGramCounts, suffixes: list[np.ndarray]) -> list[np.ndarray]:
    """Adjusted counts: of a shorter n-gram the number of different tokens before it, int64 [N_n].

    START and UNKNOWN have nothing before them, so n-grams that begin with them keep their counts.
    """
    adjusted, first = [], START + 1
    for order in range(1, counts.order + 1):
        own = counts.counts[order - 1]
        if order > 1:
            first = int(np.searchsorted(counts.parents(order), first))
        if order < counts.order:
            found = np.bincount(suffixes[order], minlength=len(own))
            found[:first] = own[:first]
            own = found
        adjusted.append(own)
    adjusted[0] = adjusted[0].copy()
    adjusted[0][[UNKNOWN, START]] = 0  # never predicted
    return adjusted


def _find_discounts(adjusted: np.ndarray) -> Discounts:
    """Chen and Goodman's equation 26."""
    t = np.bincount(np.minimum(adjusted, 5), minlength=6).tolist()
    if all(t[1:4]):
        y = t[1] / (t[1] + 2 * t[2])
        one, two, three = (k - (k + 1) * y * t[k + 1] / t[k] for k in (1, 2, 3))
        if min(one, two, three) >= 0:
            return Discounts((one, two, three), False)
    return Discounts(FALLBACK, True)


class _Shares(NamedTuple):
    """How the probability of an order is shared out.

    Attributes:
      own: Of each n-gram what its discounted count gives, float64 [N_n]; 0 if it is not kept.
      backoff: Of each context what goes to the order below, float64 [N_(n - 1)]; 1 if nothing follows it.
    """

    own: np.ndarray
    backoff: np.ndarray


def _discount(
    adjusted: np.ndarray, discounts: Discounts, kept: np.ndarray, counts: NGramCounts, order: int
) -> _Shares:
    contexts = len(counts.keys[order - 2]) if order > 1 else 1
    parents = counts.parents(order) if order > 1 else np.zeros(len(adjusted), np.int64)
    # What is not kept loses all of its count.
    lost = np.where(kept, discounts.of(adjusted), adjusted)
    totals = np.bincount(parents, adjusted, minlength=contexts)
    saved = np.bincount(parents, lost, minlength=contexts)
    backoff = np.divide(saved, totals, out=np.ones(contexts), where=totals > 0)
    own = np.divide(adjusted - lost, totals[parents], out=np.zeros(len(adjusted)), where=adjusted > 0)
    return _Shares(own, backoff)


def _interpolate(counts: NGramCounts, suffixes: list[np.ndarray], shares: list[_Shares]) -> list[np.ndarray]:
    """The probability of each n-gram's last token after the others, float64 [N_n] for each order, in place."""
    uniform = 1 / (counts.vocabulary.size - 1)  # START is never predicted
    shares[0].own[:] += shares[0].backoff * uniform
    for order in range(2, counts.order + 1):
        lower = shares[order - 2].own[suffixes[order - 1]]
        lower *= shares[order - 1].backoff[counts.parents(order)]
        shares[order - 1].own[:] += lower
    return [share.own for share in shares]


def _log(probabilities: np.ndarray, are_unigrams: bool) -> np.ndarray:
    logarithms = np.log(probabilities).astype(np.float32)
    if are_unigrams:
        logarithms[START] = NEVER
    return logarithms
