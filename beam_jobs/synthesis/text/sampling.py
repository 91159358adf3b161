"""Weights as whole numbers, so that a draw by them is the same on every machine."""

from collections.abc import Sequence

import numpy as np

_SCALE = 2**32  # the largest weight; a sum of 65,536 of them still is an exact float64 (2**53)


def to_whole(weights: Sequence[float] | np.ndarray) -> np.ndarray:
    """Whole numbers (int64) in the proportion of finite weights from 0 on; what is above 0 stays above it."""
    weights = np.asarray(weights, np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.max(initial=0) > 0):
        raise ValueError(f"weights are finite, from 0 on, and some above it, not {weights}")
    return np.where(weights > 0, np.maximum(np.rint(weights / weights.max() * _SCALE), 1), 0).astype(np.int64)


def draw_below(random: np.random.Generator, limits: np.ndarray | int, count: int) -> np.ndarray:
    """Whole numbers (int64 [count]) from 0 to below `limits`, which are at most 2**53."""
    return np.minimum((random.random(count) * limits).astype(np.int64), np.asarray(limits) - 1)


def draw_weighted(random: np.random.Generator, whole: np.ndarray, count: int) -> np.ndarray:
    """Indices (int64 [count]) drawn in the proportion of whole weights."""
    ends = np.cumsum(whole)
    return np.searchsorted(ends, draw_below(random, int(ends[-1]), count), side="right")


def shuffle(random: np.random.Generator, count: int) -> np.ndarray:
    """A random order of 0 to count - 1, int64 [count]."""
    # As in beam_jobs.engine.plan: numpy promises no stream of its own shuffles.
    return np.argsort(random.random(count), kind="stable")
