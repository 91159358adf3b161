"""Exports a run for the services that will read with it.

    python -m model.export --model=run --output=exports/1 --format=saved_model

The folder holds the model and all that a reader needs to know of it; model.predict and model.evaluate take it
in place of a run. A SavedModel takes image files and gives texts, without any Python of ours; ONNX and TFLite
models take normalised lines and give logits. docs/serving.md shows how each is called.

Before it ends, it reads drawn lines with the export and with the run. A float32 export must agree: no logit may
differ by more than 0.001, and no text at all. An int8 one may differ, and nothing is enforced: it is compared
on up to 50 lines of --calibration_data, too, and tells how far it differs. An export that --overwrite replaces
stays until the new one has been checked. The last line on standard output is {"format", "precision", "output",
"bytes", "largest_difference", "equal_texts", "seconds"}; equal_texts is the share of the lines, from 0 to 1,
that both read alike.
"""

from absl import flags

from densenet_ocr.model.training.config import DeviceConfig
from densenet_ocr.pipeline.ui import command

_MODEL = flags.DEFINE_string("model", None, "Folder of the run.")
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Weights file of the run; by default the best epoch's.")
_WEIGHTS = flags.DEFINE_string("weights", None, "Weights file of the original notebook, in place of --model.")
_CHARSET = flags.DEFINE_string("charset", None, "With --weights: the charset file that they go with.")
_IMAGE_HEIGHT = flags.DEFINE_integer(
    "image_height", None, "With --weights: height of the lines that they read; by default 32.", lower_bound=7
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for the export.", required=True)
_FORMAT = flags.DEFINE_string("format", "saved_model", "saved_model, onnx or tflite.")
_PRECISION = flags.DEFINE_string(
    "precision",
    "float32",
    "float32; or int8 for onnx and tflite: faster, smaller, less exact, tuned by --calibration_data.",
)
_DATA = flags.DEFINE_string(
    "calibration_data", None, "Folder of a data set; its first line becomes the export's golden line, too."
)
_SPLIT = flags.DEFINE_string("calibration_split", "train", "Split of it.")
_LINES = flags.DEFINE_integer("calibration_lines", 200, "Lines of it to calibrate on.", lower_bound=1)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an export that is there.")


def main() -> None:
    """Exports as the flags say and prints the result."""
    from densenet_ocr.model.exports.calibration import read_calibration
    from densenet_ocr.model.exports.exporting import export
    from densenet_ocr.model.network.devices import (
        set_up_devices,  # loads TensorFlow, for which --help need not wait
    )
    from densenet_ocr.model.reading.loading import choose_network

    set_up_devices(DeviceConfig())
    network = choose_network(
        model=_MODEL.value,
        checkpoint=_CHECKPOINT.value,
        weights=_WEIGHTS.value,
        charset=_CHARSET.value,
        height=_IMAGE_HEIGHT.value,
    )
    lines = ()
    if _DATA.value:
        lines = read_calibration(_DATA.value, network.info, split=_SPLIT.value, count=_LINES.value)
    result = export(
        network,
        output=_OUTPUT.value,
        format=_FORMAT.value,
        precision=_PRECISION.value,
        calibration=lines,
        overwrite=_OVERWRITE.value,
    )
    command.print_result(result)


def run() -> None:
    """Entry point of ocr-export."""
    command.run(main)


if __name__ == "__main__":
    run()
