"""The text plan: face, length and class ids of every synthetic line."""

from collections.abc import Iterator

import numpy as np

BLOCK = 65536  # lines per numpy operation: a few megabytes


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
