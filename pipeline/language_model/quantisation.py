"""Logarithms in 8 bits: bins of equal population, each with its mean.

Federico and Bertoldi, "How Many Bits Are Needed to Store Probabilities for Phrase-Based Translation?" (2006);
KenLM's -q and -b do the same.
"""

import numpy as np

BINS = 256


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
    first = 1 if keep_zero else 0
    chosen = values != 0 if keep_zero else np.ones(len(values), bool)
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
