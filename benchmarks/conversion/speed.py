"""Compares beam_jobs.convert with two plain processes that do the same work, in turn, in one run.

    python -m benchmarks.conversion.speed --work=build/benchmark --rows=200000 --pairs=3

Ours is the whole command `python -m beam_jobs.convert --workers=2 --duplicates=keep`; plain is
benchmarks.conversion.plain_conversion: multiprocessing, Pillow, tf.train.Example and TFRecordWriter. Both read
the same drawn JPEG lines (280x32, about 3 KB; drawn once and kept in --work; rows repeat them) from a warm
cache and must leave the same number of bytes, or the run fails. Start-up is what the same program takes for two
rows.

Standard output ends with one JSON object. `ours_lines_per_second` and `plain_lines_per_second` are rows / (wall
time - start-up), `ratio` is ours / plain of these, `ratio_with_start_up` the same of whole wall times, in which
plain's start-up is mostly TensorFlow's import. All are medians over the pairs, ratios taken pair by pair.
Above 1, ours is the faster one. Start-up varies by tenths of a second: below 100,000 rows figures say little.
Run it alone: another process that takes a core for one half of a pair halves or doubles that pair's ratio.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from absl import flags

from benchmarks.conversion import plain_conversion
from benchmarks.conversion.plain_conversion import Task
from benchmarks.lines import LINES_PER_SHARD, WORKERS, draw_lines, read_images, run_ours, write_task
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.schema import PIXEL_BYTES
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for drawn lines (kept) and outputs (deleted).", required=True)
_ROWS = flags.DEFINE_integer("rows", 200_000, "Rows of the list.", lower_bound=1)
_FILES = flags.DEFINE_integer("files", 5_000, "Different JPEG files that the rows name.", lower_bound=1)
_PAIRS = flags.DEFINE_integer("pairs", 3, "Times that each of the two is measured.", lower_bound=1)
_IMAGE_ENCODING = flags.DEFINE_enum("image_encoding", "uint8", list(PIXEL_BYTES), "How pixels are stored.")


# Converts a task into a folder.
Program = Callable[[Task, str], None]


class Timing(NamedTuple):
    """Seconds of one program: of the whole list, and of a list of two rows."""

    whole: float
    start_up: float

    @property
    def work(self) -> float:
        """Seconds without start-up."""
        return self.whole - self.start_up


class Pair(NamedTuple):
    """Both programs, measured one after the other."""

    ours: Timing
    plain: Timing


def main() -> None:
    """Draws, warms up, measures the pairs, prints a table and the result."""
    if _ROWS.value < _FILES.value:
        raise UserError("rows", received=_ROWS.value, expected="at least --files", remedy="Raise --rows.")
    lines = draw_lines(os.path.join(_WORK.value, f"lines-{_FILES.value}"), _FILES.value)
    encoding = _IMAGE_ENCODING.value
    whole = write_task(lines, "whole", rows=_ROWS.value, lines_per_shard=LINES_PER_SHARD, encoding=encoding)
    # Two shards, so that both workers start.
    tiny = write_task(lines, "tiny", rows=WORKERS, lines_per_shard=1, encoding=encoding)
    read_images(lines)
    warm_up(tiny)
    pairs = [measure_pair(number, whole, tiny) for number in range(1, _PAIRS.value + 1)]
    print_table(pairs, whole.rows)
    result = {"rows": whole.rows, "files": _FILES.value, "image_encoding": encoding}
    command.print_result(result | summarise(pairs, whole.rows))


def warm_up(tiny: Task) -> None:
    """Loads both programs once, so that no measurement waits for a disk."""
    for program in (run_ours, run_plain):
        measure(program, tiny)


def measure_pair(number: int, whole: Task, tiny: Task) -> Pair:
    """Ours, then plain, each with its start-up right before."""
    (ours, ours_bytes), (plain, plain_bytes) = (
        measure_with_start_up(number, program, whole, tiny) for program in (run_ours, run_plain)
    )
    if ours_bytes != plain_bytes:
        raise RuntimeError(f"not the same work: ours wrote {ours_bytes} bytes, plain {plain_bytes}")
    return Pair(ours, plain)


def measure_with_start_up(number: int, program: Program, whole: Task, tiny: Task) -> tuple[Timing, int]:
    """Timing of a program, and the bytes of the whole list's records."""
    start_up, _ = measure(program, tiny)
    seconds, size = measure(program, whole)
    _log(f"pair {number}, {program.__name__}: {seconds:.2f} s, of which start-up {start_up:.2f} s")
    if seconds <= start_up:
        raise UserError(
            "rows",
            received=f"{whole.rows}, which took no longer than two rows",
            expected="rows that take longer than start-up varies",
            remedy="Raise --rows.",
        )
    return Timing(seconds, start_up), size


def measure(program: Program, task: Task) -> tuple[float, int]:
    """Seconds of a run into a fresh folder, and the bytes of its records; the folder is deleted."""
    output = os.path.join(os.path.dirname(task.list_path), "output")
    storage.remove(output)
    os.sync()  # or the run would wait for what an earlier one left to write
    try:
        start = time.monotonic()
        program(task, output)
        seconds = time.monotonic() - start
        paths = storage.find(os.path.join(output, "*.tfrecord"))
        return seconds, sum(storage.size(path) for path in paths)
    finally:
        storage.remove(output)


def run_plain(task: Task, output: str) -> None:
    """The yardstick."""
    plain_conversion.convert(task, output, WORKERS)


def print_table(pairs: list[Pair], rows: int) -> None:
    """Prints every measurement, seconds and lines/s, a row a pair."""
    print("| pair | ours s | start-up s | lines/s | plain s | start-up s | lines/s | ratio | with start-up |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for number, (ours, plain) in enumerate(pairs, start=1):
        cells = [str(number), *_cells(ours, rows), *_cells(plain, rows)]
        cells += [f"{plain.work / ours.work:.3f}", f"{plain.whole / ours.whole:.3f}"]
        print(f"| {' | '.join(cells)} |")


def summarise(pairs: list[Pair], rows: int) -> dict[str, float | int]:
    """Medians over the pairs."""
    return {
        "pairs": len(pairs),
        "ours_lines_per_second": _median((rows / ours.work for ours, _ in pairs)),
        "plain_lines_per_second": _median((rows / plain.work for _, plain in pairs)),
        "ratio": _median((plain.work / ours.work for ours, plain in pairs), 3),
        "ratio_with_start_up": _median((plain.whole / ours.whole for ours, plain in pairs), 3),
        "ours_start_up_seconds": _median((ours.start_up for ours, _ in pairs), 2),
        "plain_start_up_seconds": _median((plain.start_up for _, plain in pairs), 2),
    }


def _cells(timing: Timing, rows: int) -> Iterator[str]:
    yield from (f"{timing.whole:.2f}", f"{timing.start_up:.2f}", f"{rows / timing.work:,.0f}")


def _median(values: Iterator[float], digits: int | None = None) -> float:
    return round(statistics.median(values), digits)


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
