"""Random draws by integer weights, which give the same result on every machine."""

from collections.abc import Sequence

import numpy as np

_SCALE = 2**32  # the largest weight; a sum of 65,536 of them is still exact in float64 (2**53)


def to_integers(weights: Sequence[float] | np.ndarray) -> np.ndarray:
    """Returns integer weights (int64 [N]) in the proportion of `weights`; a positive weight stays positive.

    Raises:
      ValueError: a weight is negative or not finite, or none is positive.
    """
    weights = np.asarray(weights, np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.max(initial=0) > 0):
        raise ValueError(f"weights must be finite, not negative, and one of them positive, not {weights}")
    return np.where(weights > 0, np.maximum(np.rint(weights / weights.max() * _SCALE), 1), 0).astype(np.int64)


def draw_below(random: np.random.Generator, limits: np.ndarray | int, count: int) -> np.ndarray:
    """Returns integers (int64 [count]) from 0 to below `limits` (int64 [count], at most 2**53)."""
    return np.minimum((random.random(count) * limits).astype(np.int64), np.asarray(limits) - 1)


def draw_weighted(random: np.random.Generator, weights: np.ndarray, count: int) -> np.ndarray:
    """Returns indices (int64 [count]) drawn in the proportion of integer weights (int64 [N])."""
    ends = np.cumsum(weights)
    return np.searchsorted(ends, draw_below(random, int(ends[-1]), count), side="right")


def shuffle(random: np.random.Generator, count: int) -> np.ndarray:
    """Returns a random order of 0 to count - 1, int64 [count]."""
    # As in beam_jobs.engine.plan: numpy does not promise that its own shuffles stay the same.
    return np.argsort(random.random(count), kind="stable")
