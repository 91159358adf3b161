"""The likely classes of each frame of a line: what a prefix beam search walks over."""

import functools
import itertools
from typing import NamedTuple

import numpy as np

from densenet_ocr.pipeline.errors import UserError


def find_log_mass(logits: np.ndarray) -> float:
    """Returns Candidates(logits).log_mass of a line's logits, float32 [T, classes]."""
    peaks = logits.max(axis=1, keepdims=True)
    sums = np.exp(logits - peaks).sum(axis=1, dtype=np.float64)
    return float(peaks.sum(dtype=np.float64) + np.log(sums).sum())


class Frame(NamedTuple):
    """The likely classes of a frame.

    Attributes:
      blank: Softmax probability of the blank; 0 if it is not among the likely classes.
      characters: (class, softmax probability) of the likely characters, in order of their classes.
    """

    blank: float
    characters: list[tuple[int, float]]


class Candidates:
    """The likely classes of each frame of a line, and the softmax probability of any class.

    Attributes:
      frames: The likely classes, a Frame each.
    """

    def __init__(self, logits: np.ndarray, *, ratio: float = 0.0, most: int | None = None):
        """Finds the likely classes.

        Args:
          logits: float32 [T, classes] of one line, without frames behind its end; the blank is the last class.
          ratio: A class is left out whose probability is less than this share of the likeliest one's.
          most: Maximum number of classes in a frame, the likeliest ones; None for all.

        Raises:
          UserError: a frame has no finite logit, or one that is not a number.
        """
        peaks = logits.max(axis=1, keepdims=True)
        if not np.isfinite(peaks).all():
            raise UserError(
                "logits",
                received="values that are not numbers",
                expected="finite numbers",
                remedy="The weights may hold values that are not numbers: try another --checkpoint.",
            )
        relative = logits - peaks
        # In float32 and in place: a line's array fits into a core's cache, and this is most of the work.
        np.exp(relative, out=relative)
        self._relative, self._sums = relative, relative.sum(axis=1, dtype=np.float64)
        self._peaks = peaks.astype(np.float64)
        places = np.flatnonzero(relative >= ratio)
        rows, classes = np.divmod(places, logits.shape[1])
        values = np.exp(logits.ravel()[places] - peaks.ravel()[rows].astype(np.float64)) / self._sums[rows]
        starts = np.searchsorted(rows, np.arange(len(logits) + 1)).tolist()
        blank = logits.shape[1] - 1
        self.frames = [
            _make_frame(classes[start:end], values[start:end], blank, most)
            for start, end in itertools.pairwise(starts)
        ]

    def probabilities_of(self, classes: list[int]) -> np.ndarray:
        """Returns the softmax probabilities of some classes in each frame, float64 [T, len(classes)]."""
        return self._relative[:, classes] / self._sums[:, None]

    def list_weights(self) -> tuple[np.ndarray, float]:
        """Returns what is proportional to the softmax probabilities of each frame.

        Returns:
          Weights, float32 [T, classes], at most 1; and the natural logarithm of the factor that makes a product
          of weights, one of each frame, a probability.
        """
        return self._relative, -float(np.log(self._sums).sum())

    @property
    def log_mass(self) -> float:
        """Natural logarithm of what the softmaxes of all frames divide by, with the logits as they are."""
        return float(self._peaks.sum() + np.log(self._sums).sum())

    @functools.cached_property
    def rows(self) -> list[memoryview]:
        """The softmax probabilities of all classes, a row of float32 for each frame."""
        probabilities = self._relative / self._sums[:, None].astype(np.float32)
        return [memoryview(row) for row in probabilities]


def _make_frame(classes: np.ndarray, values: np.ndarray, blank: int, most: int | None) -> Frame:
    if most is not None and len(classes) > most:
        likeliest = np.sort(np.argpartition(values, -most)[-most:])
        classes, values = classes[likeliest], values[likeliest]
    characters = list(zip(classes.tolist(), values.tolist(), strict=True))
    if characters and characters[-1][0] == blank:  # the last class
        return Frame(characters.pop()[1], characters)
    return Frame(0.0, characters)
