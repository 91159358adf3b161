"""Compares reading, from files to texts, by a run and its exports with the notebook's own predict, in turn.

    python -m benchmarks.reading.speed --work=build/benchmark --lines=2000 --pairs=5

All read the same drawn lines of 280x32 with the same random weights, 5990 classes, checked before the first
round: `run` and its exports by their names, int8 ones as `onnx_int8` and `tflite_int8`, through
model.recognizer; `signature` through the SavedModel's signature, which takes the files' bytes. The yardstick is
the notebook's network on tf-keras, whose predict takes batches of 64 that Pillow has decoded into float64, one
after the other, and whose frames' likeliest classes are merged in Python. Every measurement has a process of
its own and begins after a warm-up.

Standard output ends with one JSON object: `latency_ms`, the median time of one line alone (of --single lines),
`lines_per_second` over --lines lines, and `ratio` (lines/s, ours / the notebook's; above 1, ours is the faster
one), medians over the rounds, ratios taken round by round. Run it alone: another process that takes a core
moves the ratio of its round.
"""

import functools
import os
import time
from typing import NamedTuple

from absl import flags

from benchmarks.lines import draw_lines, read_images
from benchmarks.pairs import median, run_alone
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui import command

READERS = ("run", "saved_model", "signature", "onnx", "tflite", "onnx_int8", "tflite_int8")
YARDSTICK = "notebook"

_WORK = flags.DEFINE_string("work", None, "Folder for drawn lines and models (kept).", required=True)
_LINES = flags.DEFINE_integer("lines", 2_000, "Lines of a measurement.", lower_bound=64)
_SINGLE = flags.DEFINE_integer("single", 100, "Lines that are read alone for the latency.", lower_bound=1)
_PAIRS = flags.DEFINE_integer("pairs", 5, "Times that each of them is measured.", lower_bound=1)
_READERS = flags.DEFINE_list("readers", list(READERS), "Which to compare with the notebook.")

WARM_UP_LINES, WARM_UP_SINGLE = 128, 10


class Speed(NamedTuple):
    """Median milliseconds of a line alone, and lines/s of many."""

    latency_ms: float
    lines_per_second: float


def main() -> None:
    """Draws, exports, checks, measures in rounds, prints a table and the result."""
    lines = draw_lines(os.path.join(_WORK.value, f"lines-{_LINES.value}"), _LINES.value)
    files = storage.find(os.path.join(lines, "images", "*.jpg"))
    run, exports = (os.path.join(_WORK.value, name) for name in ("reading-run", "reading-exports"))
    run_alone(make_models, run, exports, files)
    read_images(lines)
    names = [*_READERS.value, YARDSTICK]
    measure = functools.partial(run_alone, measure_reader)
    rounds = []
    print(f"| round | {' | '.join(names)} |")
    print(f"| ---: |{' ---: |' * len(names)}")
    for number in range(1, _PAIRS.value + 1):
        speeds = {name: measure(name, run, exports, files, _SINGLE.value) for name in names}
        cells = (f"{speed.latency_ms:.1f} ms, {speed.lines_per_second:.0f}/s" for speed in speeds.values())
        print(f"| {number} | {' | '.join(cells)} |", flush=True)
        rounds.append(speeds)
    command.print_result({"lines": len(files), "rounds": len(rounds)} | summarise(rounds))


# Each of the next two functions runs in a process of its own and loads there what it needs, nothing else.
def make_models(run: str, exports: str, files: list[str]) -> None:
    """Makes the run and the exports where they are missing; raises RuntimeError for another work."""
    from benchmarks.reading import models

    models.make_run(run)
    models.make_exports(run, exports, files)
    models.check_same_work(run, files[:8])


def measure_reader(name: str, run: str, exports: str, files: list[str], single: int) -> Speed:
    """The speed of one of READERS or of the yardstick, after a warm-up."""
    from benchmarks.reading import models

    read = models.open_reader(name, run, exports)
    read(files[:WARM_UP_LINES])
    seconds = [time_reading(read, [path]) for path in files[: WARM_UP_SINGLE + single]][WARM_UP_SINGLE:]
    return Speed(median(seconds, digits=6) * 1e3, len(files) / time_reading(read, files))


def time_reading(read, paths: list[str]) -> float:
    """Seconds that reading these files takes; raises RuntimeError where a text is missing."""
    start = time.monotonic()
    texts = read(paths)
    seconds = time.monotonic() - start
    if len(texts) != len(paths):
        raise RuntimeError(f"{len(texts)} texts of {len(paths)} lines")
    return seconds


def summarise(rounds: list[dict[str, Speed]]) -> dict[str, dict[str, float]]:
    """Medians over the rounds, by reader."""
    latency, speed, ratio = {}, {}, {}
    for name in rounds[0]:
        latency[name] = median((speeds[name].latency_ms for speeds in rounds), digits=2)
        speed[name] = median((speeds[name].lines_per_second for speeds in rounds), digits=1)
        ratios = (speeds[name].lines_per_second / speeds[YARDSTICK].lines_per_second for speeds in rounds)
        ratio[name] = median(ratios, digits=2)
    return {"latency_ms": latency, "lines_per_second": speed, "ratio": ratio}


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
