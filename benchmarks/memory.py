"""Memory of processes, as Linux counts it."""

import contextlib
import os
import subprocess
import time


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


def _read(pid: int, row: str) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(row))
    return 0
