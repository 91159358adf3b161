"""Measures how time and memory of beam_jobs.convert grow with its list.

    python -m benchmarks.conversion.growth --work=build/benchmark --rows=50000 --rows=200000 --rows=400000

Memory is the most that the command and all its workers held at one time: the sum of their proportional set
sizes (PSS, in which a page that several processes share counts once), read from /proc every half second. The
list and the plan count too, as far as they are mapped. Standard output ends with one JSON object: rows,
seconds of whole commands, rows/s without start-up (what the same command takes for two rows), and peak MB.
Lines are drawn, kept in --work and read once before.
"""

import functools
import os

from absl import flags

from benchmarks.lines import LINES_PER_SHARD, draw_lines, make_command, read_images, write_task
from benchmarks.memory import print_growth, run_watched
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.schema import PIXEL_BYTES
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for drawn lines (kept) and outputs (deleted).", required=True)
_ROWS = flags.DEFINE_multi_integer("rows", [50_000, 100_000, 200_000, 400_000], "Rows of a list, each in turn.")
_FILES = flags.DEFINE_integer("files", 20_000, "Different JPEG files that the rows name.", lower_bound=1)
_IMAGE_ENCODING = flags.DEFINE_enum("image_encoding", "uint8", list(PIXEL_BYTES), "How pixels are stored.")
_DUPLICATES = flags.DEFINE_string("duplicates", "keep", "As convert has it; 'keep' hashes no paths.")


def main() -> None:
    """Measures every number of rows once, in turn."""
    folder = draw_lines(os.path.join(_WORK.value, f"lines-{_FILES.value}"), _FILES.value)
    read_images(folder)
    print_growth(_ROWS.value, "rows", functools.partial(measure, folder))


def measure(folder: str, rows: int) -> tuple[float, int]:
    """Seconds and peak bytes of converting so many rows, whose output is deleted."""
    shard = min(rows // 2, LINES_PER_SHARD)  # two at least, so that both workers start
    task = write_task(folder, "whole", rows=rows, lines_per_shard=shard, encoding=_IMAGE_ENCODING.value)
    output = os.path.join(_WORK.value, "output")
    storage.remove(output)
    try:
        return run_watched(make_command(task, output, duplicates=_DUPLICATES.value, max_reject_fraction=1))
    finally:
        storage.remove(output)


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
