"""Levenshtein alignment of a truth and a reading, character by character, by rapidfuzz."""

import itertools
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein


class Step(NamedTuple):
    """A character of the truth and what was read for it; "" where the other text has no counterpart."""

    truth: str
    reading: str

    @property
    def is_edit(self) -> bool:
        """Whether the two differ."""
        return self.truth != self.reading


def align(truth: str, reading: str) -> list[Step]:
    """Returns an alignment of two texts with the fewest edits, by code points.

    Of several such alignments it is the one that rapidfuzz finds: "ll" read as "l" has lost its second l.
    """
    steps: list[Step] = []
    for block in Levenshtein.opcodes(truth, reading):
        true_part = truth[block.src_start : block.src_end]
        read_part = reading[block.dest_start : block.dest_end]
        # One part is empty where characters were deleted or inserted; else both have one length.
        steps += itertools.starmap(Step, itertools.zip_longest(true_part, read_part, fillvalue=""))
    return steps


def count_edits(steps: list[Step]) -> int:
    """Returns the edits of an alignment, which are the Levenshtein distance."""
    return sum(step.is_edit for step in steps)
