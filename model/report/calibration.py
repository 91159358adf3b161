"""Whether confidences can be believed: how many of those told so are right."""

import bisect
import itertools
from typing import NamedTuple

from densenet_ocr.model.network.metrics import wilson_interval

# Ten bins of equal width; what counts as sure is looked at more closely.
_BIN_EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999)
_EDGES = tuple(sorted({*_BIN_EDGES, *THRESHOLDS}))


class Bin(NamedTuple):
    """Readings with a confidence from `low` to below `high` (the last one includes 1).

    `confidence` is their mean, `right` the share that is right, both None without any; `right_95` is
    Wilson's interval.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    right: float | None
    right_95: tuple[float, float]


class Calibration:
    """Counts confidences, of lines or of characters, with whether they were right."""

    def __init__(self):
        self._counts = [0] * (len(_EDGES) + 1)
        self._rights = [0] * (len(_EDGES) + 1)
        self._sums = [0.0] * (len(_EDGES) + 1)

    def add(self, confidence: float, right: bool) -> None:
        """Counts a reading; raises ValueError for a confidence that is no number from 0 to 1."""
        # A softmax may exceed 1 by a rounding.
        if not 0 <= confidence <= 1.0001:
            raise ValueError(f"confidence {confidence}")
        k = bisect.bisect_right(_EDGES, confidence)
        self._counts[k] += 1
        self._sums[k] += float(confidence)  # a sum in float32 would lose the last of many
        self._rights[k] += right

    @property
    def count(self) -> int:
        """How many were counted."""
        return sum(self._counts)

    @property
    def error(self) -> float | None:
        """The expected calibration error (Naeini et al. 2015) over ten bins; None where nothing was counted."""
        if not self.count:
            return None
        gaps = [bin.count * abs(bin.confidence - bin.right) for bin in self.bins() if bin.count]
        return sum(gaps) / self.count

    def bins(self) -> list[Bin]:
        """The ten bins, from the least sure."""
        edges = (0.0, *_BIN_EDGES, 1.0)
        return [self._sum_up(low, high) for low, high in itertools.pairwise(edges)]

    def thresholds(self) -> list[Bin]:
        """What one would have who took only readings that are as sure as a threshold, for some of them."""
        return [self._sum_up(low, 1.0) for low in THRESHOLDS]

    def _sum_up(self, low: float, high: float) -> Bin:
        start = _EDGES.index(low) + 1 if low else 0
        end = len(_EDGES) + 1 if high == 1 else _EDGES.index(high) + 1
        count, right = sum(self._counts[start:end]), sum(self._rights[start:end])
        confidence = sum(self._sums[start:end]) / count if count else None
        share = right / count if count else None
        return Bin(low, high, count, confidence, share, wilson_interval(right, count))
