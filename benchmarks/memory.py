"""Memory of processes, as Linux counts it, and how it grows with their work."""

import contextlib
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable

from densenet_ocr.pipeline.ui import command


def find_tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += [one for child in file.read().split() for one in find_tree(int(child))]
    return found


def read_pss(pid: int) -> int:
    """Proportional set size of a process in bytes, shares of what it shares included; 0 where it is gone."""
    return _read(pid, "Pss:")


def read_own(pid: int) -> int:
    """What a process has allocated, in bytes, whatever others share libraries with it; 0 where it is gone."""
    return _read(pid, "Anonymous:")


def run_watched(words: list[str]) -> tuple[float, int]:
    """Seconds of a command, and the most bytes (PSS) that it and all below it held at one time.

    Raises RuntimeError where it fails.
    """
    start, peak = time.monotonic(), 0
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(read_pss, find_tree(process.pid))))
            time.sleep(0.5)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words[:3])} ended with {process.returncode}")
    return time.monotonic() - start, peak


def print_growth(counts: Iterable[int], noun: str, measure: Callable[[int], tuple[float, int]]) -> None:
    """Measures seconds and peak bytes of each number of rows or lines, once; prints them and the result.

    What two of them take counts as start-up, median of three times.
    """
    start_up, results = statistics.median(measure(2)[0] for _ in range(3)), []
    for count in counts:
        seconds, peak = measure(count)
        speed = round(count / (seconds - start_up))
        results.append(
            {
                noun: count,
                "seconds": round(seconds, 1),
                f"{noun}_per_second": speed,
                "peak_mb": round(peak / 1e6),
            }
        )
        print(results[-1], flush=True)
    command.print_result({"start_up_seconds": round(start_up, 2), "runs": results})


def _read(pid: int, row: str) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(row))
    return 0
