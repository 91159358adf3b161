"""The plan of made lines: the text and the face of each, drawn before any worker begins."""

from collections.abc import Iterator

import numpy as np

BLOCK = 65536  # lines looked at together: few megabytes, and long enough for numpy


def plan_dtype(longest: int) -> np.dtype:
    """One line of at most `longest` characters: its face, how many characters, their class ids and 0 behind."""
    return np.dtype([("face", "<u2"), ("length", "<u2"), ("ids", "<u2", (longest,))])


def split_blocks(count: int) -> Iterator[slice]:
    """Slices of BLOCK lines, one after the other, the last perhaps shorter."""
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))


def is_place(lengths: np.ndarray, longest: int) -> np.ndarray:
    """Which places hold a character, bool [lines, longest], by lines' lengths [lines]."""
    return np.arange(longest) < lengths[:, None]


def count_frames(ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """pipeline.frames.required_frames of each line, int64 [lines]; ids [lines, longest]."""
    equal = (ids[:, 1:] == ids[:, :-1]) & is_place(lengths, ids.shape[1])[:, 1:]
    return lengths.astype(np.int64) + equal.sum(axis=1)


def count_places(plan: np.ndarray, characters: int) -> np.ndarray:
    """In how many places of a plan each of so many characters stands, int64 [characters]."""
    counts = np.zeros(characters, np.int64)
    for block in split_blocks(len(plan)):
        ids = plan["ids"][block][is_place(plan["length"][block], plan["ids"].shape[1])]
        counts += np.bincount(ids, minlength=characters)
    return counts
