"""Measures how time and memory of beam_jobs.synthesize grow with the number of lines.

    python -m benchmarks.synthesis.growth --work=build/benchmark --charset=char_std_5990.txt --text=news.txt \\
        --lines=25000 --lines=50000 --lines=100000

Lines are of 280x32, stored as uint8, drawn by --workers processes in the style of --style. Standard output
ends with one JSON object: start-up (what the same command takes for two lines, fonts and texts included), and
for each number of lines seconds, lines/s without start-up, and the most MB that the command and all its workers
held at one time (PSS; see benchmarks.conversion.growth). The drawn lines are deleted.
"""

import os
import sys

from absl import flags

from benchmarks.memory import print_growth, run_watched
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for outputs (deleted).", required=True)
_CHARSET = flags.DEFINE_string("charset", None, "Charset file.", required=True)
_TEXT = flags.DEFINE_multi_string("text", ["charset"], "As synthesize has it.")
_FONTS = flags.DEFINE_multi_string("fonts", [], "As synthesize has it.")
_STYLE = flags.DEFINE_string("style", "caffe_ocr", "As synthesize has it.")
_LINES = flags.DEFINE_multi_integer("lines", [25_000, 50_000, 100_000], "Lines, each number in turn.")
_WORKERS = flags.DEFINE_integer("workers", 2, "Processes that draw.", lower_bound=1)


def main() -> None:
    """Measures every number of lines once, in turn."""
    print_growth(_LINES.value, "lines", measure)


def measure(lines: int) -> tuple[float, int]:
    """Seconds and peak bytes of making so many lines, which are deleted."""
    output = os.path.join(_WORK.value, "synthesis-output")
    storage.remove(output)
    given = {"charset": _CHARSET.value, "style": _STYLE.value, "workers": _WORKERS.value, "lines": lines}
    given |= {"output": output, "image_encoding": "uint8"}
    words = [f"--{name}={value}" for name, value in given.items()]
    words += [f"--text={source}" for source in _TEXT.value] + [f"--fonts={pattern}" for pattern in _FONTS.value]
    try:
        return run_watched([sys.executable, "-m", "beam_jobs.synthesize", *words])
    finally:
        storage.remove(output)


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
