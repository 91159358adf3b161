"""Two programs measured in turn, and a process of its own for each, so that neither disturbs the other."""

import concurrent.futures
import itertools
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from densenet_ocr.pipeline.errors import UserError


def run_alone(function: Callable, *arguments: Any) -> Any:
    """What a function of a module returns in a fresh process; raises what it raises."""
    context = multiprocessing.get_context("spawn")  # TensorFlow must not be forked
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_call, function, arguments).result()


def measure_pairs(ours: Callable, yardstick: Callable, count: int) -> list[tuple]:
    """Calls the two `count` times in turn; returns [(what ours returned, what the yardstick did), ...]."""
    pairs = []
    for number in range(1, count + 1):
        pairs.append((ours(), yardstick()))
        print(f"pair {number} of {count}: ours {pairs[-1][0]}, yardstick {pairs[-1][1]}", file=sys.stderr)
    return pairs


def median(values: Iterable[float], digits: int | None = None) -> float:
    """The median, rounded; to a whole number by default."""
    return round(statistics.median(values), digits)


def time_batches(batches: Iterable, warm_up: int, count: int) -> float:
    """Batches a second, of `count` batches that follow those of the warm-up."""
    batches = iter(batches)
    for _ in itertools.islice(batches, warm_up):
        pass
    start = time.monotonic()
    for _ in itertools.islice(batches, count):
        pass
    return count / (time.monotonic() - start)


def _call(function: Callable, arguments: tuple) -> Any:
    try:
        return function(*arguments)
    except UserError as error:  # it does not cross processes: its arguments have names
        raise RuntimeError(str(error)) from None
