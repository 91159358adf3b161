"""Scores a run, or an export of one, on a split: exact match with its 95 % interval, and CER, over every line.

    python -m model.evaluate --model=run --data=data --split=test

The last line on standard output is {"split", "lines", "exact_match", "exact_match_95": [lo, hi], "cer",
"seconds"}. --report writes a page that tells where the model fails, and shows the lines that it read worst;
--picture draws the first lines of the split with truth and reading.
"""

from absl import flags

from densenet_ocr.model.reading.config import WeightsConfig
from densenet_ocr.model.training.config import DeviceConfig
from densenet_ocr.pipeline.ui import command

_MODEL = flags.DEFINE_string("model", None, "Folder of a run or of an export.")
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Weights file of the run; by default the best epoch's.")
_WEIGHTS = flags.DEFINE_string("weights", None, "Weights file of the original notebook, in place of --model.")
_DATA = flags.DEFINE_string("data", None, "Folder of the data set.", required=True)
_SPLIT = flags.DEFINE_string("split", None, "Split to score.", required=True)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Lines read at once.", lower_bound=1)
_REPORT = flags.DEFINE_string("report", None, "Folder for a page about it (index.html, report.json).")
_REPORT_LINES = flags.DEFINE_integer(
    "report_lines", 200, "Lines on that page, the ones that were read worst.", lower_bound=0
)
_PICTURE = flags.DEFINE_string("picture", None, "PNG file to draw lines with truth and reading into.")
_PICTURE_LINES = flags.DEFINE_integer("picture_lines", 16, "Lines in the picture.", lower_bound=1)
_FONT = flags.DEFINE_string(
    "font", None, "Font file for the picture; by default one of this machine that has the texts' characters."
)


def main() -> None:
    """Evaluates as the flags say and prints the result."""
    from densenet_ocr.model.network.devices import (
        set_up_devices,  # loads TensorFlow, for which --help need not wait
    )
    from densenet_ocr.model.reading.evaluation import evaluate

    set_up_devices(DeviceConfig())
    result = evaluate(
        _load_network(),
        data=_DATA.value,
        split=_SPLIT.value,
        batch_size=_BATCH_SIZE.value,
        report=_REPORT.value,
        report_lines=_REPORT_LINES.value,
        picture=_PICTURE.value,
        picture_lines=_PICTURE_LINES.value,
        font=_FONT.value,
    )
    command.print_result(result)


def _load_network():
    from densenet_ocr.model.reading.loading import load_keras2, load_network
    from densenet_ocr.pipeline.dataset_info import load_dataset_info

    WeightsConfig(model=_MODEL.value, checkpoint=_CHECKPOINT.value, weights=_WEIGHTS.value)
    if _MODEL.value:
        return load_network(_MODEL.value, _CHECKPOINT.value)
    info = load_dataset_info(_DATA.value)
    return load_keras2(_WEIGHTS.value, charset=info.charset, height=info.geometry.height)


def run() -> None:
    """Entry point of ocr-evaluate."""
    command.run(main)


if __name__ == "__main__":
    run()
