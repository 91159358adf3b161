"""A split's statistics as numbers: how often each value was counted."""

import itertools

from densenet_ocr.pipeline.dataset_info import SplitInfo


def read_counts(split: SplitInfo, name: str) -> dict[int, int]:
    """{value: how often}, in the values' order, of "label_lengths", "widths" or "characters" (by class)."""
    counts = split.statistics.get(name, {})
    return {value: counts[str(value)] for value in sorted(map(int, counts))}


def tell_counts(counts: dict[int, int]) -> str:
    """Least, greatest and median value, in words."""
    if not counts:
        return "none"
    if len(counts) == 1:
        return f"all {min(counts):,}"
    return f"{min(counts):,} to {max(counts):,}, median {find_median(counts):,}"


def find_median(counts: dict[int, int]) -> int:
    """The lower median of values that are counted, in their order; there must be one."""
    half = sum(counts.values()) / 2
    sums = itertools.accumulate(counts.values())
    return next(value for value, below in zip(counts, sums, strict=True) if below >= half)


def rank(counts: dict[int, int]) -> list[int]:
    """The values, the most frequent first, and equals in their own order."""
    return sorted(counts, key=lambda value: (-counts[value], value))
