"""The text plan: face, length and class ids of every synthetic line, and random draws that give the same ones
on every machine.
"""

from collections.abc import Iterator, Sequence

import numpy as np

BLOCK = 65536  # lines per numpy operation: a few megabytes

_SCALE = 2**32  # the largest weight; a sum of 65,536 of them is still exact in float64 (2**53)


def plan_dtype(longest: int) -> np.dtype:
    """Returns the dtype of a line: face index, number of characters, class ids padded with 0 to `longest`."""
    return np.dtype([("face", "<u2"), ("length", "<u2"), ("ids", "<u2", (longest,))])


def split_blocks(count: int) -> Iterator[slice]:
    """Yields consecutive slices of at most BLOCK lines."""
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))


def is_place(lengths: np.ndarray, longest: int) -> np.ndarray:
    """Returns which places hold a character, bool [lines, longest], by the lines' lengths (int [lines])."""
    return np.arange(longest) < lengths[:, None]


def fits_frames(ids: np.ndarray, lengths: np.ndarray, max_frames: float) -> np.ndarray:
    """Returns whether CTC needs at most `max_frames` for each line, bool [lines]; see pipeline.geometry.

    Args:
      ids: Class ids, int [lines, longest].
      lengths: Characters per line, int [lines].
      max_frames: Most frames that a line may need; math.inf for any number.
    """
    equal = (ids[:, 1:] == ids[:, :-1]) & is_place(lengths, ids.shape[1])[:, 1:]
    return lengths + equal.sum(axis=1) <= max_frames


def count_characters(plan: np.ndarray, characters: int) -> np.ndarray:
    """Returns how often each of the charset's characters occurs in a plan, int64 [characters]."""
    counts = np.zeros(characters, np.int64)
    for block in split_blocks(len(plan)):
        ids = plan["ids"][block][is_place(plan["length"][block], plan["ids"].shape[1])]
        counts += np.bincount(ids, minlength=characters)
    return counts


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
