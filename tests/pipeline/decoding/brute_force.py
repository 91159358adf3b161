"""All alignments of tiny lines, one by one: the yardstick of searches."""

import collections
import itertools
import math

import numpy as np


def sum_alignments(logits: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of each text of a line, logits [T, classes] with the blank last, over its alignments."""
    values = logits.astype(np.float64)
    probabilities = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    blank = logits.shape[1] - 1
    texts: dict[tuple[int, ...], float] = collections.defaultdict(float)
    for alignment in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        text = tuple(k for k, _ in itertools.groupby(alignment) if k != blank)
        texts[text] += math.prod(probabilities[t, k] for t, k in enumerate(alignment))
    return texts


def best_alignment(logits: np.ndarray, text: tuple[int, ...]) -> tuple[int, ...]:
    """The likeliest alignment of a text: a class for each frame."""
    blank = logits.shape[1] - 1
    alignments = itertools.product(range(logits.shape[1]), repeat=len(logits))
    own = (a for a in alignments if tuple(k for k, _ in itertools.groupby(a) if k != blank) == text)
    return max(own, key=lambda alignment: sum(logits[t, k] for t, k in enumerate(alignment)))


def draw_logits(seed: int, *, most_frames: int = 5, most_classes: int = 4) -> np.ndarray:
    """Random logits, float32 [1 to most_frames, 2 to most_classes]; some frames are nearly certain."""
    random = np.random.default_rng(seed)
    shape = random.integers(1, most_frames + 1), random.integers(2, most_classes + 1)
    scales = random.choice([0.5, 2.0, 8.0], (shape[0], 1))
    return (random.normal(size=shape) * scales).astype(np.float32)
