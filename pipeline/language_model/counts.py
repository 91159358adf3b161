"""Counts of n-grams in a stream of tokens."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from densenet_ocr.pipeline.language_model.ngrams import START, UNKNOWN, NGrams, Vocabulary

# Tokens that are counted at once: 2^22 take about 300 MB for a moment.
_BLOCK = 1 << 22


@dataclasses.dataclass(frozen=True)
class NGramCounts(NGrams):
    """How often n-grams occur.

    Attributes:
      counts: For each order n, from 1, the occurrences of its n-grams, int64 [N_n].
    """

    counts: tuple[np.ndarray, ...]

    def merge(self, other: "NGramCounts") -> "NGramCounts":
        """Returns the sums of these counts and others of the same vocabulary and order."""
        keys, counts = [self.keys[0]], [self.counts[0] + other.counts[0]]
        places: tuple[np.ndarray, np.ndarray] = (self.keys[0], self.keys[0])
        for order in range(2, self.order + 1):
            # Places of parents in the merged trie rise with those in each trie, so keys stay sorted.
            both = [
                place[part.parents(order)] * self.vocabulary.size + part.tokens(order)
                for place, part in zip(places, (self, other), strict=True)
            ]
            merged = _unite(*both)
            places = (np.searchsorted(merged, both[0]), np.searchsorted(merged, both[1]))
            sums = np.zeros(len(merged), np.int64)
            for place, part in zip(places, (self, other), strict=True):
                sums[place] += part.counts[order - 1]
            keys.append(merged)
            counts.append(sums)
        return NGramCounts(self.vocabulary, tuple(keys), tuple(counts))


class NGramCounter:
    """Counts the n-grams of tokens that come in blocks; memory grows with the number of different n-grams.

    An n-gram may begin with START or UNKNOWN, but has none of them behind its first token: both only serve as
    contexts, and a character that the charset lacks ends the context of those behind it.

    Args:
      vocabulary: The tokens.
      order: Tokens of the longest n-grams.
    """

    def __init__(self, vocabulary: Vocabulary, order: int) -> None:
        self._vocabulary, self._order = vocabulary, order
        self._waiting: list[np.ndarray] = []
        self._size = 0
        self._parts: list[NGramCounts] = []

    def add(self, tokens: np.ndarray) -> None:
        """Counts the tokens, int64 [N], that follow those of the last call."""
        self._waiting.append(tokens)
        self._size += len(tokens)
        if self._size >= _BLOCK:
            block = np.concatenate(self._waiting)
            ready = len(block) - self._order + 1
            self._count(block, ready)
            self._waiting, self._size = [block[ready:]], self._order - 1

    def finish(self) -> NGramCounts:
        """Returns the counts of all tokens; the counter is then empty."""
        block = np.concatenate([np.zeros(0, np.int64), *self._waiting])
        self._count(block, len(block))
        while len(self._parts) > 1:
            self._merge_last()
        return self._parts.pop()

    def _count(self, tokens: np.ndarray, starts: int) -> None:
        """Counts the n-grams that begin at the first `starts` tokens."""
        self._parts.append(_count_block(tokens, starts, self._vocabulary, self._order))
        # Merging only parts of like sizes costs N log N in all.
        while len(self._parts) > 1 and len(self._parts[-2].keys[-1]) < 2 * len(self._parts[-1].keys[-1]):
            self._merge_last()

    def _merge_last(self) -> None:
        last = self._parts.pop()
        self._parts[-1] = self._parts[-1].merge(last)


def _count_block(tokens: np.ndarray, starts: int, vocabulary: Vocabulary, order: int) -> NGramCounts:
    at = np.arange(starts)  # places where n-grams of the order begin
    places = tokens[:starts]  # and the n-grams without their last token, as places in the order below
    keys, counts = [np.arange(vocabulary.size)], [np.bincount(places, minlength=vocabulary.size)]
    for length in range(2, order + 1):
        fits = at + length <= len(tokens)
        fits[fits] = ~np.isin(tokens[at[fits] + length - 1], (UNKNOWN, START))
        at, places = at[fits], places[fits]
        found, places, occurrences = np.unique(
            places * vocabulary.size + tokens[at + length - 1], return_inverse=True, return_counts=True
        )
        keys.append(found)
        counts.append(occurrences)
    return NGramCounts(vocabulary, tuple(keys), tuple(counts))


def _unite(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the values of two ascending arrays, ascending, each once."""
    both: np.ndarray = np.concatenate([first, second])
    both.sort(kind="stable")  # merges sorted runs in linear time
    is_new = np.ones(len(both), bool)
    np.not_equal(both[1:], both[:-1], out=is_new[1:])
    return both[is_new]


def select(counts: NGramCounts, kept: Sequence[np.ndarray]) -> NGramCounts:
    """Returns some of the n-grams.

    Args:
      counts: All n-grams.
      kept: For each order which to keep, bool [N_n]; all of order 1, and with an n-gram its first n - 1 tokens.
    """
    keys, places, size = [counts.keys[0]], counts.keys[0], counts.vocabulary.size
    for order in range(2, counts.order + 1):
        chosen = kept[order - 1]
        keys.append(places[counts.parents(order)[chosen]] * size + counts.tokens(order)[chosen])
        places = np.cumsum(chosen) - 1
    chosen_counts = tuple(count[chosen] for count, chosen in zip(counts.counts, kept, strict=True))
    return NGramCounts(counts.vocabulary, tuple(keys), chosen_counts)
