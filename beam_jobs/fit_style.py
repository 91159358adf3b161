"""Fits the looks of made lines to real ones: a few dozen lines of yours, converted, give a file for --looks.

    python -m beam_jobs.fit_style --data=real --split=test --output=looks.json
    python -m beam_jobs.synthesize --looks=looks.json ...

The real lines' own texts are drawn in the fonts and measured, and the looks moved until both measure alike.
Give the fonts that the lines will be made with. Standard output ends with one JSON object: {"lines", "rounds"}.
`python -m benchmarks.looks` compares the lines that are then made with the real ones.
"""

import dataclasses
import json
import os

from absl import flags

from densenet_ocr.beam_jobs.synthesis.rendering.style import choose_looks
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui import command

_DATA = flags.DEFINE_string("data", None, "Data set of real lines.", required=True)
_SPLIT = flags.DEFINE_string("split", "test", "Its split.")
_FONTS = flags.DEFINE_multi_string("fonts", [], "As synthesize has it.")
_LOOKS = flags.DEFINE_string("looks", "caffe_ocr", "Looks to begin with, as synthesize has it.")
_OUTPUT = flags.DEFINE_string("output", None, "JSON file for the looks.", required=True)
_LINES = flags.DEFINE_integer("lines", 400, "Lines drawn in a round, and real ones at most.", lower_bound=20)
_ROUNDS = flags.DEFINE_integer("rounds", 12, "Times that lines are drawn and looks moved.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the lines that are drawn.", lower_bound=0)


def main() -> None:
    """Fits as the flags say, writes the file, prints the result."""
    if not storage.is_folder(os.path.dirname(_OUTPUT.value) or "."):
        raise UserError(
            f"output {_OUTPUT.value}",
            received="a folder that is not there",
            expected="a file in a folder that is",
            remedy="Make the folder, or set --output.",
        )
    from densenet_ocr.beam_jobs.synthesis.style_fitting import (
        fit_to_split,  # loads what --help need not wait for
    )

    looks, lines = fit_to_split(
        folder=_DATA.value,
        split=_SPLIT.value,
        fonts=_FONTS.value,
        looks=choose_looks(_LOOKS.value),
        rounds=_ROUNDS.value,
        lines=_LINES.value,
        seed=_SEED.value,
    )
    rows = [f" {json.dumps(name)}: {list(spread)}" for name, spread in dataclasses.asdict(looks).items()]
    storage.write_atomically(_OUTPUT.value, ("{\n" + ",\n".join(rows) + "\n}\n").encode())
    command.print_result({"lines": lines, "rounds": _ROUNDS.value})


def run() -> None:
    """Entry point of ocr-fit-looks."""
    command.run(main)


if __name__ == "__main__":
    run()
