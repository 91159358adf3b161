"""An n-gram model as the arrays of a file: a trie of sorted arrays by order.

Heafield, "KenLM: Faster and Smaller Language Model Queries" (2011), section 3.2, with one difference: a node is
below the node of its first n - 1 tokens, not of its last ones, because a search has the contexts of a prefix at
hand and extends them. An n-gram of the middle orders takes 6 bytes and one of the last order 3, with up to
65,536 tokens: 2 for the token, 1 for the probability, 1 for the backoff weight, 2 for where its children start.

Logarithms take 8 bits: bins of equal population, each with its mean. Federico and Bertoldi, "How Many Bits Are
Needed to Store Probabilities for Phrase-Based Translation?" (2006); KenLM's -q and -b do the same.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import numpy as np

from densenet_ocr.pipeline.language_model.ngrams import NGramModel

Arrays = dict[str, np.ndarray]

# Starts of children are stored modulo 2^16, with the places where they pass a multiple of it.
_LOW_BITS = 16

BINS = 256


def pack(model: NGramModel, *, quantize: bool = True) -> Arrays:
    """Returns the arrays of a model.

    Args:
      model: The model.
      quantize: Stores logarithms in 8 bits, but those of order 1.

    Returns:
      By names such as `2.tokens`: `tokens` uint16 or uint32 [N], `probabilities` and `backoffs` float32 [N], or
      uint8 [N] with `probabilities_values` and `backoffs_values` float32 [256]; `starts` uint16 [N + 1] and
      `wraps` uint32 (see `find_start`). Order 1 has no tokens, the last one no backoffs and no children.
    """
    arrays: Arrays = {}
    for order in range(1, model.order + 1):
        if order > 1:
            kind = np.uint16 if model.vocabulary.size <= 1 << 16 else np.uint32
            arrays[f"{order}.tokens"] = model.tokens(order).astype(kind)
        exact = order == 1 or not quantize
        _pack_values(arrays, order, "probabilities", model.log_probabilities[order - 1], exact)
        if order < model.order:
            _pack_values(arrays, order, "backoffs", model.log_backoffs[order - 1], exact)
            nodes = np.arange(len(model.keys[order - 1]) + 1)
            starts = np.searchsorted(model.parents(order + 1), nodes)
            steps = np.arange(1, (int(starts[-1]) >> _LOW_BITS) + 1) << _LOW_BITS
            arrays[f"{order}.starts"] = (starts & ((1 << _LOW_BITS) - 1)).astype(np.uint16)
            arrays[f"{order}.wraps"] = np.searchsorted(starts, steps).astype(np.uint32)
    return arrays


def find_start(starts: Sequence[int], wraps: Sequence[int], node: int) -> int:
    """Returns where the children of a node start in the next order; those of the node before it end there."""
    return starts[node] + (bisect_right(wraps, node) << _LOW_BITS)


def count_ngrams(arrays: Mapping[str, np.ndarray | memoryview]) -> list[int]:
    """Returns the number of n-grams of each order; the probabilities of an order are [n-grams]."""
    orders = sum(name.endswith(".probabilities") for name in arrays)
    return [len(arrays[f"{order}.probabilities"]) for order in range(1, orders + 1)]


def count_bytes(ngrams: Sequence[int], vocabulary: int, *, quantize: bool = True) -> int:
    """Returns about how many bytes the arrays of a model take with so many n-grams of each order."""
    token, value = 2 if vocabulary <= 1 << 16 else 4, 1 if quantize else 4
    middle = sum(ngrams[1:-1]) * (token + 2 * value + 2)
    last = ngrams[-1] * (token + value) if len(ngrams) > 1 else 0
    tables = 4 * 512 * (len(ngrams) - 1) if quantize else 0
    return ngrams[0] * 10 + middle + last + tables


def quantise(values: np.ndarray, *, keep_zero: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Quantises logarithms.

    Args:
      values: float32 [N].
      keep_zero: Gives 0 a bin of its own, the first one.

    Returns:
      Codes, uint8 [N], and the values that they stand for, float32 [BINS].
    """
    means = np.zeros(BINS, np.float32)
    codes = np.zeros(len(values), np.uint8)
    first, chosen = int(keep_zero), (values != 0) | (not keep_zero)
    part = values[chosen].astype(np.float64)
    if not len(part):
        return codes, means
    # Equal values share a bin: a bin ends where its last value does.
    ends = np.sort(part)[np.linspace(0, len(part) - 1, BINS - first + 1).round().astype(int)[1:]]
    ends = np.unique(ends)
    bins = np.searchsorted(ends, part)
    sums = np.bincount(bins, part, minlength=len(ends))
    sizes = np.bincount(bins, minlength=len(ends))
    means[first : first + len(ends)] = sums / sizes
    codes[chosen] = bins + first
    return codes, means


def _pack_values(arrays: Arrays, order: int, name: str, values: np.ndarray, exact: bool) -> None:
    if exact:
        arrays[f"{order}.{name}"] = values
    else:
        # Most contexts of the longest orders have no continuation, and lose nothing by a backoff.
        codes, means = quantise(values, keep_zero=name == "backoffs")
        arrays[f"{order}.{name}"], arrays[f"{order}.{name}_values"] = codes, means
