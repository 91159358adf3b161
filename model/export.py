"""Exports a run as a SavedModel, ONNX or TFLite model, with all that a reader needs.

    ocr-export --model=run --output=exports/1 --format=saved_model

ocr-predict and ocr-evaluate take the folder in place of a run. A SavedModel takes image files and returns
texts; ONNX and TFLite models take normalised lines and return logits (see docs/reading_and_serving.md).

The export is compared with the run on synthetic lines. A float32 export fails if a logit differs by more than
0.001, or any text. Of float16 and int8 exports only the figures are reported; int8 is also compared on up to 50
lines of --calibration_data. With --overwrite the old export stays until the new one has been checked. A folder
in a bucket is replaced file by file, and cannot be loaded until that ends.

A float16 export has its weights in a file of their own, weights.float16. ocr-train fine-tunes them
(--init_from), and ocr-export exports them in other formats.

The last line on standard output is {"format", "precision", "output", "bytes", "largest_difference",
"equal_texts", "seconds"}; equal_texts is the share of lines, from 0 to 1, with equal texts.
"""

import dataclasses

from densenet_ocr.model.reading.config import ModelConfig
from densenet_ocr.pipeline.exports.export_info import MODEL_FILES, PRECISIONS
from densenet_ocr.pipeline.imaging.contrast import INVERT, INVERT_AT_READING_HELP
from densenet_ocr.pipeline.ui import command, flags
from densenet_ocr.pipeline.ui.flags import Validated, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(Validated):
    """Where to export to, and how."""

    output: str = option(help="Folder for the export, also s3://... and so on.")
    format: str = option("saved_model", help="Format of the model.", choices=tuple(MODEL_FILES))
    precision: str = option(
        "float32",
        help="float16, for onnx, halves the weights, and can be fine-tuned; int8, for onnx and "
        "tflite, is faster, smaller and less exact, and needs --calibration_data.",
        choices=PRECISIONS,
    )
    calibration_data: str | None = option(
        None, help="Folder of a data set with representative lines; its first line becomes the golden line."
    )
    calibration_split: str = option("train", help="Split of --calibration_data.")
    calibration_lines: int = option(200, help="Lines of --calibration_data.", at_least=1)
    invert: str | None = option(None, help=INVERT_AT_READING_HELP, choices=INVERT)
    anonymous: bool = option(
        False,
        help="Omit paths, commands and split statistics of the model and its data.",
    )
    overwrite: bool = option(False, help="Replace an existing export.")


def main() -> None:
    """Exports as the flags say and prints the result."""
    from densenet_ocr.model.exports.exporter import export  # loads TensorFlow, which --help does not need
    from densenet_ocr.model.exports.sample_lines import read_representative_data
    from densenet_ocr.model.network.devices import set_up_devices
    from densenet_ocr.model.reading.loading import load_keras_network
    from densenet_ocr.pipeline.decoding.tuned_settings import copy_tuned_settings

    config, model = flags.read(ExportConfig), flags.read(ModelConfig)
    set_up_devices()
    network, lines = load_keras_network(model), []
    if config.invert:
        network.info = dataclasses.replace(network.info, invert=config.invert)
    if config.calibration_data:
        lines = read_representative_data(
            config.calibration_data,
            network.info,
            split=config.calibration_split,
            count=config.calibration_lines,
        )
    result = export(
        network,
        output=config.output,
        format=config.format,
        precision=config.precision,
        calibration=lines,
        overwrite=config.overwrite,
        anonymous=config.anonymous,
    )
    if model.model:
        copy_tuned_settings(model.model, config.output)
    command.print_result(result)


def run() -> None:
    """Entry point of ocr-export."""
    command.run(main, configs=(ModelConfig, ExportConfig))


if __name__ == "__main__":
    run()
