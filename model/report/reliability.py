"""Reliability: how many of the readings with a confidence are right."""

import bisect
import dataclasses
import itertools
from typing import Any

from densenet_ocr.model.network.metrics import wilson_interval

# Ten bins of equal width; high thresholds are of more interest than low ones.
_BIN_EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999)
_EDGES = tuple(sorted({*_BIN_EDGES, *THRESHOLDS}))


@dataclasses.dataclass(frozen=True)
class Bin:
    """Readings with a confidence from `low` to below `high` (the last bin includes 1).

    Attributes:
      low: Least confidence.
      high: Greatest confidence.
      count: Number of readings.
      confidence: Their mean confidence; None without any.
      right: Share of them that is right; None without any.
      right_95: Wilson's 95 % interval of that share.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    right: float | None
    right_95: tuple[float, float]


class Reliability:
    """Counts confidences of lines, or of characters, and how many of the readings were right."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_EDGES) + 1)
        self._rights = [0] * (len(_EDGES) + 1)
        self._sums = [0.0] * (len(_EDGES) + 1)

    def add(self, confidence: float, right: bool) -> None:
        """Counts a reading; raises ValueError for a confidence that is not a number from 0 to 1."""
        # A softmax may exceed 1 by a rounding.
        if not 0 <= confidence <= 1.0001:
            raise ValueError(f"confidence {confidence}")
        k = bisect.bisect_right(_EDGES, confidence)
        self._counts[k] += 1
        self._sums[k] += float(confidence)  # a sum in float32 would lose the last of many
        self._rights[k] += right

    @property
    def count(self) -> int:
        """Number of readings."""
        return sum(self._counts)

    @property
    def error(self) -> float | None:
        """Expected calibration error over ten bins (Naeini et al. 2015); None without readings."""
        if not self.count:
            return None
        gaps = [
            part.count * abs(part.confidence - part.right)
            for part in self.bins()
            if part.confidence is not None and part.right is not None
        ]
        return sum(gaps) / self.count

    def describe(self) -> dict[str, Any]:
        """Returns the figures as report.json has them."""
        return {
            "count": self.count,
            "expected_calibration_error": self.error,
            "bins": list(map(dataclasses.asdict, self.bins())),
            "thresholds": list(map(dataclasses.asdict, self.thresholds())),
        }

    def filled_bins(self) -> list[Bin]:
        """Returns the bins with readings."""
        return [part for part in self.bins() if part.count]

    def bins(self) -> list[Bin]:
        """Returns the ten bins, by rising confidence."""
        edges = (0.0, *_BIN_EDGES, 1.0)
        return [self._sum_up(low, high) for low, high in itertools.pairwise(edges)]

    def thresholds(self) -> list[Bin]:
        """Returns what is left if only readings of a least confidence are taken, for some thresholds."""
        return [self._sum_up(low, 1.0) for low in THRESHOLDS]

    def _sum_up(self, low: float, high: float) -> Bin:
        start = _EDGES.index(low) + 1 if low else 0
        end = len(_EDGES) + 1 if high == 1 else _EDGES.index(high) + 1
        count, right = sum(self._counts[start:end]), sum(self._rights[start:end])
        confidence = sum(self._sums[start:end]) / count if count else None
        share = right / count if count else None
        return Bin(low, high, count, confidence, share, wilson_interval(right, count))
