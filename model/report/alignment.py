"""Two texts side by side: which character was read as which, with as few edits as there can be."""

from typing import NamedTuple


class Step(NamedTuple):
    """A character of the truth and what was read for it; '' where one has nothing that the other has."""

    truth: str
    reading: str

    @property
    def is_edit(self) -> bool:
        """Whether the two differ."""
        return self.truth != self.reading


def align(truth: str, reading: str) -> list[Step]:
    """Levenshtein's alignment of two texts by code points, from their beginnings.

    Of several with the fewest edits the one that, looked at from the left, first pairs characters where it
    can, else drops the truth's, else takes the reading's: 'll' read as 'l' has lost its second.
    """
    same = _count_common(truth, reading)
    steps = [Step(character, character) for character in truth[:same]]
    return steps + _walk(truth[same:], reading[same:])


def count_edits(steps: list[Step]) -> int:
    """Levenshtein's distance, given an alignment."""
    return sum(step.is_edit for step in steps)


def _count_common(truth: str, reading: str) -> int:
    shorter = min(len(truth), len(reading))
    return next((k for k in range(shorter) if truth[k] != reading[k]), shorter)


def _walk(truth: str, reading: str) -> list[Step]:
    costs, steps, i, j = _measure_rests(truth, reading), [], 0, 0
    while i < len(truth) or j < len(reading):
        if i < len(truth) and j < len(reading):
            pair = costs[i + 1][j + 1] + (truth[i] != reading[j])
            if pair == costs[i][j]:
                steps.append(Step(truth[i], reading[j]))
                i, j = i + 1, j + 1
                continue
        if i < len(truth) and costs[i + 1][j] + 1 == costs[i][j]:
            steps.append(Step(truth[i], ""))
            i += 1
        else:
            steps.append(Step("", reading[j]))
            j += 1
    return steps


def _measure_rests(truth: str, reading: str) -> list[list[int]]:
    """Edits between truth[i:] and reading[j:], for all i and j."""
    costs = [list(range(len(reading), -1, -1))]
    for character in reversed(truth):
        below, row = costs[-1], [costs[-1][-1] + 1]
        for j in range(len(reading) - 1, -1, -1):
            pair = below[j + 1] + (character != reading[j])
            row.append(min(pair, below[j] + 1, row[-1] + 1))
        costs.append(row[::-1])
    return costs[::-1]
