"""The lines that were read worst, with their pictures: as many as asked for, however many are looked at."""

import bisect
import dataclasses

import numpy as np

from densenet_ocr.model.report.alignment import Step
from densenet_ocr.model.report.line_result import LineResult


@dataclasses.dataclass(frozen=True)
class WorstLine:
    """A line that was misread, its alignment and its number of edits."""

    result: LineResult
    steps: list[Step]
    edits: int

    @property
    def length(self) -> int:
        """Characters of the truth."""
        return len(self.result.truth)

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return self.result.levels.shape[1]

    @property
    def rank(self) -> tuple[float, float, str]:
        """What sorts the worst first: edits for each character of the truth, then confidence, then the key."""
        return -self.edits / max(self.length, 1), -self.result.reading.confidence, self.result.key


class WorstLines:
    """Keeps the worst of the lines that it is given, in order."""

    def __init__(self, most: int):
        self.most = most
        self._lines: list[WorstLine] = []

    def add(self, result: LineResult, steps: list[Step], edits: int) -> None:
        """Considers a misread line; what it keeps of it is a copy."""
        line = WorstLine(result, steps, edits)
        if not self.most or (len(self._lines) == self.most and line.rank >= self._lines[-1].rank):
            return
        # A view of a batch would hold the whole batch.
        line = dataclasses.replace(line, result=result._replace(levels=np.array(result.levels)))
        bisect.insort(self._lines, line, key=lambda kept: kept.rank)
        del self._lines[self.most :]

    def __iter__(self):
        return iter(self._lines)

    def __len__(self):
        return len(self._lines)
