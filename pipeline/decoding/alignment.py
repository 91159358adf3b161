"""Where the characters of a text lie: the likeliest alignment of a known text with the frames of a line."""

import operator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from densenet_ocr.pipeline.decoding.candidates import Frame

# The logarithm of 0; finite, so that no difference of two of them is a NaN.
_NEVER = -1e30


class Placed(NamedTuple):
    """A character of a text and its frames.

    Attributes:
      confidence: Highest softmax probability of its class among its frames.
      first: Its first frame.
      last: Its last frame, which may be the first.
    """

    confidence: float
    first: int
    last: int


def place_best_path(frames: Sequence[Frame]) -> tuple[list[int], list[Placed]]:
    """Finds the text of the best path and its characters: for most lines a search finds the same text.

    Args:
      frames: The likely classes of each frame; one at least.

    Returns:
      Class ids of the text, and its characters.
    """
    ids: list[int] = []
    placed: list[Placed] = []
    before = None
    for number, frame in enumerate(frames):
        k, probability = max(frame.characters, key=operator.itemgetter(1), default=(None, 0.0))
        if probability <= frame.blank:
            k = None
        elif k == before:
            placed[-1] = Placed(max(placed[-1].confidence, probability), placed[-1].first, number)
        elif k is not None:
            ids.append(k)
            placed.append(Placed(probability, number, number))
        before = k
    return ids, placed


def place_characters(ids: list[int], characters: np.ndarray, blank: np.ndarray) -> list[Placed]:
    """Places the characters of a text by its likeliest alignment (Viterbi's algorithm).

    For the text of the best path it is the best path, so places and confidences equal those of `best_path`.

    Args:
      ids: Class ids of the text, L of them.
      characters: Softmax probability of each of these in each frame, float [T, L].
      blank: Softmax probability of the blank, float [T].

    Returns:
      The L characters.

    Raises:
      ValueError: the text does not fit into the frames.
    """
    if not ids:
        return []
    slots = _find_slots(ids, characters, blank)
    frames: list[list[int]] = [[] for _ in ids]
    for frame, slot in enumerate(slots):
        if slot % 2:
            frames[slot // 2].append(frame)
    if not all(frames):
        raise ValueError(f"{len(ids)} characters in {len(blank)} frames")
    return [Placed(float(characters[own, place].max()), own[0], own[-1]) for place, own in enumerate(frames)]


def _find_slots(ids: list[int], characters: np.ndarray, blank: np.ndarray) -> list[int]:
    """The slot of each frame in the likeliest alignment: 2k + 1 for character k, an even one for a blank."""
    length = len(ids)
    emitted = np.full((len(blank), 2 * length + 1), _NEVER)
    np.log(characters, out=emitted[:, 1::2], where=characters > 0)
    np.log(blank[:, None], out=emitted[:, ::2], where=blank[:, None] > 0)
    # A slot follows itself, the one before it, or, for a character unlike the last one, the last character's.
    skips = np.full(2 * length + 1, _NEVER)
    skips[3::2] = np.where(np.diff(ids) != 0, 0.0, _NEVER)
    scores, steps = np.full(2 * length + 3, _NEVER), np.empty(emitted.shape, np.int8)
    scores[2] = 0.0
    for frame, row in enumerate(emitted):
        reached = np.stack([scores[2:], scores[1:-1], scores[:-2] + skips])
        steps[frame] = reached.argmax(axis=0)
        scores[2:] = reached.max(axis=0) + row
    return _trace_back(steps, int(len(scores) - 1 if scores[-1] >= scores[-2] else len(scores) - 2) - 2)


def _trace_back(steps: np.ndarray, slot: int) -> list[int]:
    slots = []
    for row in steps[::-1]:
        slots.append(slot)
        slot -= int(row[slot])
    return slots[::-1]
