"""Which characters are taken for which, which are lost, and which are read where there are none."""

import collections
import heapq
from typing import NamedTuple

from densenet_ocr.model.report.alignment import Step


class Confusion(NamedTuple):
    """A character of the truth and what was read for it, '' for none, and how often.

    `share` is of all edits; `occurrences` says how often the truth has the character (0 for an insertion);
    `example` is the key of the first line with it.
    """

    truth: str
    reading: str
    count: int
    share: float
    occurrences: int
    example: str


class Missed(NamedTuple):
    """A character of the truth, how often it stands there and how often it was not read as itself."""

    character: str
    count: int
    occurrences: int


class Confusions:
    """Counts edits by what became what; its size is that of the different ones."""

    def __init__(self):
        self.edits = 0
        self.occurrences: collections.Counter[str] = collections.Counter()
        self._counts: dict[Step, int] = {}
        self._examples: dict[Step, str] = {}

    def add_truth(self, truth: str) -> None:
        """Counts the characters of a line."""
        self.occurrences.update(truth)

    def add_steps(self, key: str, steps: list[Step]) -> None:
        """Counts the edits of a line's alignment."""
        for step in steps:
            if step.is_edit:
                self.edits += 1
                self._counts[step] = self._counts.get(step, 0) + 1
                self._examples.setdefault(step, key)

    def substitutions(self, most: int) -> list[Confusion]:
        """The most frequent ones of a character read as another."""
        return self._rank([step for step in self._counts if step.truth and step.reading], most)

    def deletions(self, most: int) -> list[Confusion]:
        """The most frequent ones of a character that was not read."""
        return self._rank([step for step in self._counts if not step.reading], most)

    def insertions(self, most: int) -> list[Confusion]:
        """The most frequent ones of a character read where the truth has none."""
        return self._rank([step for step in self._counts if not step.truth], most)

    def missed(self, most: int) -> list[Missed]:
        """The characters that were misread or lost most often."""
        counts: collections.Counter[str] = collections.Counter()
        for step, count in self._counts.items():
            if step.truth:
                counts[step.truth] += count
        ranked = sorted(counts, key=lambda character: (-counts[character], character))
        return [Missed(c, counts[c], self.occurrences[c]) for c in ranked[:most]]

    def _rank(self, steps: list[Step], most: int) -> list[Confusion]:
        # Equal counts stand in the order of code points, so that equal results give equal reports.
        ranked = heapq.nsmallest(most, steps, key=lambda step: (-self._counts[step], step))
        return [self._describe(step) for step in ranked]

    def _describe(self, step: Step) -> Confusion:
        count = self._counts[step]
        occurrences = self.occurrences[step.truth] if step.truth else 0
        return Confusion(*step, count, count / self.edits, occurrences, self._examples[step])
