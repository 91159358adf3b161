"""Fits the render style of synthetic lines to a few dozen real lines; writes a JSON file for --style.

    ocr-fit-style --data=real --split=test --output=style.json
    ocr-synthesize --style=style.json ...

Renders the texts of the real lines, measures both, and corrects the style until the measures agree. Give the
fonts that the synthesis will use. The last line on standard output is {"lines", "rounds"}.
`python -m benchmarks.synthesis.styles` compares synthetic with real lines.
"""

from densenet_ocr.beam_jobs.synthesis.config import StyleFitConfig
from densenet_ocr.pipeline.ui import command, flags


def main() -> None:
    """Fits as the flags say, writes the file and prints the result."""
    config = flags.read(StyleFitConfig)
    from densenet_ocr.beam_jobs.synthesis.style_fitting import fit_to_split  # loads what --help does not need

    lines = fit_to_split(config)
    command.print_result({"lines": lines, "rounds": config.rounds})


def run() -> None:
    """Entry point of ocr-fit-style."""
    command.run(main, configs=[StyleFitConfig])


if __name__ == "__main__":
    run()
