"""Kills beam_jobs.transcribe at random moments, resumes it, and compares the bytes to an undisturbed run's.

    python -m model.export --model=demo/run --format=saved_model --output=build/benchmark/export
    python -m benchmarks.reading.transcription_kills --work=build/benchmark --model=build/benchmark/export

The list has --rows rows over --files drawn lines of digits, --width pixels wide; each thousandth row names a
file that is not there. The command runs undisturbed once; every round begins anew, kills it (SIGKILL) at a
moment drawn evenly from that time, and gives it again to its end. Any model of lines 32 pixels high will do.

Standard output ends with one JSON object: rows in, rows out and unread rows after the last round; whether they
name the list's paths in its order; lines/s of the undisturbed run, start-up included; of each round the
fraction of time and the shards there at the kill, and whether all bytes came out equal (transcription.json
without its provenance).
"""

import os
import sys

from absl import flags

from benchmarks.kill_rounds import kill_rounds
from benchmarks.lines import WORKERS, draw_lines
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui import command
from tests.beam_jobs.transcription.transcripts import read_transcripts

_WORK = flags.DEFINE_string("work", None, "Folder for drawn lines (kept) and outputs (deleted).", required=True)
_MODEL = flags.DEFINE_string("model", None, "Folder of an export.", required=True)
_ROWS = flags.DEFINE_integer("rows", 100_000, "Rows of the list.", lower_bound=1)
_FILES = flags.DEFINE_integer("files", 5_000, "Different JPEG files that the rows name.", lower_bound=1)
_WIDTH = flags.DEFINE_integer("width", 88, "Width of the lines in pixels.", lower_bound=16)
_KILLS = flags.DEFINE_integer("kills", 1, "Rounds.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the moments.")

# Of so many rows one names no file.
_MISSING_EVERY = 1000

_SHARDS = "transcripts-*.tsv"


def main() -> None:
    """Runs undisturbed once, then the rounds."""
    folder = os.path.join(_WORK.value, f"lines-{_FILES.value}-{_WIDTH.value}")
    draw_lines(folder, _FILES.value, width=_WIDTH.value)
    paths, output = write_paths(folder), os.path.join(_WORK.value, "transcription-kills")
    words = make_command(folder, output)
    found = kill_rounds(words, output, shards=_SHARDS, rounds=_KILLS.value, seed=_SEED.value)
    rows = [row for path in find_shards(output) for row in read_transcripts(path)]
    storage.remove(output)
    command.print_result(
        {
            "rows_in": len(paths),
            "rows_out": len(rows),
            "unread": sum(bool(row.reason) for row in rows),
            "in_order": [row.path for row in rows] == paths,
            "lines_per_second": round(len(paths) / found.seconds, 1),
            "kills": found.rounds,
        }
    )


def write_paths(folder: str) -> list[str]:
    """Writes the list, of paths alone, beside the drawn lines; returns the paths."""
    with open(os.path.join(folder, "list.txt"), encoding="utf-8") as file:
        drawn = [row.split(" ", 1)[0] for row in file]
    paths = [
        f"missing-{k}.jpg" if k % _MISSING_EVERY == _MISSING_EVERY - 1 else drawn[k % len(drawn)]
        for k in range(_ROWS.value)
    ]
    data = "".join(f"{path}\n" for path in paths).encode()
    storage.write_atomically(os.path.join(folder, "paths.txt"), data)
    return paths


def make_command(folder: str, output: str) -> list[str]:
    """The command, as a user gives it."""
    given = {
        "list": os.path.join(folder, "paths.txt"),
        "image_root": os.path.join(folder, "images"),
        "model": _MODEL.value,
        "output": output,
        "lines_per_shard": 1024,
        "workers": WORKERS,
    }
    return [
        sys.executable,
        "-m",
        "beam_jobs.transcribe",
        *(f"--{name}={value}" for name, value in given.items()),
    ]


def find_shards(output: str) -> list[str]:
    """The shards of transcripts that are there, in order."""
    return storage.find(os.path.join(output, _SHARDS))


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
