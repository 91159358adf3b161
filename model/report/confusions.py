"""Confusions: characters that are read as others, that are lost, and that are read without a counterpart."""

import collections
import dataclasses
import heapq
from typing import Any

from densenet_ocr.model.report.alignment import Step


@dataclasses.dataclass(frozen=True)
class Confusion:
    """A character of the truth and what was read for it, "" for none.

    Attributes:
      truth: The character of the truth.
      reading: The character that was read.
      count: How often.
      share: Share of all edits, from 0 to 1.
      occurrences: How often the truth has the character, 0 for an insertion.
      example: Key of the first such line.
    """

    truth: str
    reading: str
    count: int
    share: float
    occurrences: int
    example: str


@dataclasses.dataclass(frozen=True)
class Missed:
    """A character of the truth, how often it was not read as itself, and how often it occurs."""

    character: str
    count: int
    occurrences: int


class Confusions:
    """Counts edits by truth and reading; its size grows with the different ones only."""

    def __init__(self) -> None:
        self.edits = 0
        self.occurrences: collections.Counter[str] = collections.Counter()
        self._counts: collections.Counter[Step] = collections.Counter()
        self._examples: dict[Step, str] = {}

    def add_truth(self, truth: str) -> None:
        """Counts the characters of a line."""
        self.occurrences.update(truth)

    def add_steps(self, key: str, steps: list[Step]) -> None:
        """Counts the edits of a line's alignment."""
        for step in steps:
            if step.is_edit:
                self.edits += 1
                self._counts[step] += 1
                self._examples.setdefault(step, key)

    def substitutions(self, most: int) -> list[Confusion]:
        """Returns the most frequent substitutions."""
        return self._rank([step for step in self._counts if step.truth and step.reading], most)

    def deletions(self, most: int) -> list[Confusion]:
        """Returns the characters that were most often not read."""
        return self._rank([step for step in self._counts if not step.reading], most)

    def insertions(self, most: int) -> list[Confusion]:
        """Returns the characters that were most often read without a counterpart in the truth."""
        return self._rank([step for step in self._counts if not step.truth], most)

    def missed(self, most: int) -> list[Missed]:
        """Returns the characters that were most often substituted or lost."""
        counts: collections.Counter[str] = collections.Counter()
        for step, count in self._counts.items():
            if step.truth:
                counts[step.truth] += count
        ranked = sorted(counts, key=lambda character: (-counts[character], character))
        return [Missed(c, counts[c], self.occurrences[c]) for c in ranked[:most]]

    def describe(self, most: int = 1000) -> dict[str, list[dict[str, Any]]]:
        """Returns the most frequent ones of each kind, as report.json has them."""
        return {
            "substitutions": list(map(dataclasses.asdict, self.substitutions(most))),
            "deletions": list(map(dataclasses.asdict, self.deletions(most))),
            "insertions": list(map(dataclasses.asdict, self.insertions(most))),
            "missed": list(map(dataclasses.asdict, self.missed(most))),
        }

    def _rank(self, steps: list[Step], most: int) -> list[Confusion]:
        # Equal counts are ordered by code point, so that equal results give equal reports.
        ranked = heapq.nsmallest(most, steps, key=lambda step: (-self._counts[step], step))
        return [self._describe(step) for step in ranked]

    def _describe(self, step: Step) -> Confusion:
        count = self._counts[step]
        occurrences = self.occurrences[step.truth] if step.truth else 0
        return Confusion(*step, count, count / self.edits, occurrences, self._examples[step])
