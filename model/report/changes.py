"""What a decoder mends and spoils against greedy decoding: a beam search, a language model, a lexicon."""

import dataclasses
import unicodedata
from typing import Any

from densenet_ocr.model.report.alignment import Step, align, count_edits
from densenet_ocr.model.report.slices import RARE_BELOW, Tally

DIGITS, RARE, OTHERS = "digits", "rare characters", "others"


@dataclasses.dataclass(slots=True)
class Change:
    """Units of a kind, and how many of them decoding changed.

    Attributes:
      name: The kind.
      count: How many there are in the truth.
      mended: Those that only greedy decoding misread.
      spoilt: Those that only greedy decoding read right.
    """

    name: str
    count: int = 0
    mended: int = 0
    spoilt: int = 0

    def add(self, before: bool, after: bool) -> None:
        """Counts a unit that was read right before and after."""
        self.count += 1
        self.mended += after and not before
        self.spoilt += before and not after


class Changes:
    """Counts what decoding changed, by lines, and by kinds of characters of the truth.

    Attributes:
      greedy: Scores of greedy decoding.
      lines: Changes of lines.
    """

    def __init__(self, seen: dict[str, int] | None) -> None:
        """Takes how often each character occurs in training, or None where that is not known."""
        self.greedy, self.lines, self._seen = Tally(), Change("lines"), seen
        kinds = (DIGITS, OTHERS) if seen is None else (DIGITS, RARE, OTHERS)
        self._kinds = {name: Change(name) for name in kinds}

    @property
    def kinds(self) -> list[Change]:
        """Changes of characters by kind: digits, those that are rare in training, others."""
        return list(self._kinds.values())

    def add(self, truth: str, greedy: str, steps: list[Step]) -> None:
        """Counts a line.

        Args:
          truth: Its text.
          greedy: What greedy decoding reads.
          steps: Alignment of the truth with what was read.
        """
        before = align(truth, greedy)
        self.greedy.add(count_edits(before), len(truth))
        self.lines.add(not count_edits(before), not count_edits(steps))
        for character, *rights in zip(truth, _list_rights(before), _list_rights(steps), strict=True):
            self._kinds[self._find_kind(character)].add(*rights)

    def describe(self) -> dict[str, Any] | None:
        """Returns the figures as report.json has them; None without lines."""
        if not self.lines.count:
            return None
        return {
            "greedy": self.greedy.describe(),
            "lines": dataclasses.asdict(self.lines),
            "characters": list(map(dataclasses.asdict, self.kinds)),
        }

    def _find_kind(self, character: str) -> str:
        if unicodedata.category(character) == "Nd":
            return DIGITS
        is_rare = self._seen is not None and self._seen.get(character, 0) < RARE_BELOW
        return RARE if is_rare else OTHERS


def _list_rights(steps: list[Step]) -> list[bool]:
    """Whether each character of the truth was read right."""
    return [not step.is_edit for step in steps if step.truth]
