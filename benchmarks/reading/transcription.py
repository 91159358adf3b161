"""Compares beam_jobs.transcribe with exports of several formats against the SavedModel, in turn, in one run.

    python -m benchmarks.reading.transcription --work=build/benchmark --lines=5000 --pairs=3

All read the same drawn lines of 280x32 with the same random weights, 5990 classes, by the whole command
`python -m beam_jobs.transcribe --workers=2`, from a warm cache. Start-up is what the same command takes for a
row for each worker.

Standard output ends with one JSON object: `lines_per_second` is lines / (wall time - start-up), `ratio` is a
format's by the SavedModel's, `ratio_with_start_up` the same of whole wall times (above 1, the format is the
faster one). All are medians over the rounds, ratios taken round by round. `cpu` has the processor's instruction
sets that matter to int8. Run it alone: another process that takes a core moves the ratio of its round.
"""

import json
import os
import subprocess
import sys
import time
from typing import NamedTuple

from absl import flags

from benchmarks.lines import WORKERS, draw_lines, read_images
from benchmarks.pairs import median, run_alone
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui import command

YARDSTICK = "saved_model"
READERS = ("onnx_int8", "onnx", "tflite_int8", "tflite")

_WORK = flags.DEFINE_string("work", None, "Folder for drawn lines and models (kept).", required=True)
_LINES = flags.DEFINE_integer("lines", 5_000, "Lines of a measurement.", lower_bound=64)
_PAIRS = flags.DEFINE_integer("pairs", 3, "Times that each of them is measured.", lower_bound=1)
_READERS = flags.DEFINE_list("readers", list(READERS), "Which exports to compare with the SavedModel.")

# Shards of each worker: the last ones may end at different times.
_SHARDS = 4

_INSTRUCTION_SETS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")


class Timing(NamedTuple):
    """Seconds of the command: for all lines, and for a row for each worker."""

    whole: float
    start_up: float


def main() -> None:
    """Draws, exports, measures in rounds, prints a table and the result."""
    lines = draw_lines(os.path.join(_WORK.value, f"lines-{_LINES.value}"), _LINES.value)
    files = storage.find(os.path.join(lines, "images", "*.jpg"))
    run, exports = (os.path.join(_WORK.value, name) for name in ("reading-run", "reading-exports"))
    run_alone(make_exports, run, exports, files)
    read_images(lines)
    names, rounds = [*_READERS.value, YARDSTICK], []
    print(f"| round | {' | '.join(names)} |")
    print(f"| ---: |{' ---: |' * len(names)}")
    for number in range(1, _PAIRS.value + 1):
        timings = {name: measure(os.path.join(exports, name), files) for name in names}
        cells = (f"{time.whole:.1f} s, start-up {time.start_up:.1f} s" for time in timings.values())
        print(f"| {number} | {' | '.join(cells)} |", flush=True)
        rounds.append(timings)
    result = {"lines": len(files), "workers": WORKERS, "rounds": len(rounds), "cpu": find_instruction_sets()}
    command.print_result(result | summarise(rounds, len(files)))


def make_exports(run: str, exports: str, files: list[str]) -> None:
    """Makes the run and its exports where they are missing; in a process of its own, as it loads TensorFlow."""
    from benchmarks.reading import models

    models.make_run(run)
    models.make_exports(run, exports, files)


def measure(model: str, files: list[str]) -> Timing:
    """Times the command with an export, for a row for each worker and for all files."""
    start_up = run_transcribe(model, files[:WORKERS])
    return Timing(run_transcribe(model, files), start_up)


def run_transcribe(model: str, files: list[str]) -> float:
    """Seconds that the command takes for these files; raises RuntimeError where it does not read them all."""
    list_path, output = (os.path.join(_WORK.value, f"transcription{end}") for end in (".txt", ""))
    storage.write_atomically(list_path, "".join(f"{os.path.basename(path)}\n" for path in files).encode())
    storage.remove(output)
    given = {
        "list": list_path,
        "image_root": os.path.dirname(files[0]),
        "model": model,
        "output": output,
        "workers": WORKERS,
        "lines_per_shard": -(-len(files) // (WORKERS * _SHARDS)),
    }
    words = [sys.executable, "-m", "beam_jobs.transcribe", *(f"--{name}={one}" for name, one in given.items())]
    start = time.monotonic()
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    if ended.returncode or json.loads(ended.stdout.splitlines()[-1])["transcribed"] != len(files):
        raise RuntimeError(f"beam_jobs.transcribe ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    storage.remove(output)
    return seconds


def summarise(rounds: list[dict[str, Timing]], lines: int) -> dict[str, dict[str, float]]:
    """Medians over the rounds, by format."""
    speed, start_up, ratio, whole = {}, {}, {}, {}
    for name in rounds[0]:
        timings = [(one[name], one[YARDSTICK]) for one in rounds]
        speed[name] = median((lines / _work(ours) for ours, _ in timings), digits=1)
        start_up[name] = median((ours.start_up for ours, _ in timings), digits=2)
        ratio[name] = median((_work(other) / _work(ours) for ours, other in timings), digits=2)
        whole[name] = median((other.whole / ours.whole for ours, other in timings), digits=2)
    return {
        "lines_per_second": speed,
        "start_up_seconds": start_up,
        "ratio": ratio,
        "ratio_with_start_up": whole,
    }


def find_instruction_sets() -> list[str]:
    """Those of _INSTRUCTION_SETS that this machine's processor has."""
    with open("/proc/cpuinfo") as file:
        found = next((line for line in file if line.startswith("flags")), "").split()
    return [name for name in _INSTRUCTION_SETS if name in found]


def _work(timing: Timing) -> float:
    return timing.whole - timing.start_up


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
