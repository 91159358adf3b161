"""The statistics of a split as numbers: how often each value occurs."""

import itertools

from densenet_ocr.pipeline.dataset_info import SplitInfo


def read_counts(split: SplitInfo, name: str) -> dict[int, int]:
    """Returns {value: occurrences} by rising value.

    Args:
      split: The split.
      name: "label_lengths", "widths", or "characters" (by class id).
    """
    counts = split.statistics.get(name, {})
    return {value: counts[str(value)] for value in sorted(map(int, counts))}


def format_range(counts: dict[int, int]) -> str:
    """Formats the least, greatest and median value of counts by rising value."""
    if not counts:
        return "none"
    if len(counts) == 1:
        return f"all {min(counts):,}"
    return f"{min(counts):,} to {max(counts):,}, median {find_median(counts):,}"


def find_median(counts: dict[int, int]) -> int:
    """Returns the lower median of values that are counted by rising value; there must be one."""
    half = sum(counts.values()) / 2
    sums = itertools.accumulate(counts.values())
    return next(value for value, below in zip(counts, sums, strict=True) if below >= half)


def rank(counts: dict[int, int]) -> list[int]:
    """Returns the values by falling count; equal ones by rising value."""
    return sorted(counts, key=lambda value: (-counts[value], value))
