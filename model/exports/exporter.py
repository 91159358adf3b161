"""Exports a network: writes the model's file and its description, and compares the export with the run."""

import dataclasses
import operator
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import logging

from densenet_ocr.model.exports.export_folder import replaced_folder
from densenet_ocr.model.exports.sample_lines import draw_golden_line, draw_test_lines
from densenet_ocr.model.exports.writers import write_float16, write_onnx, write_saved_model, write_tflite
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.model.reading.reading import read_lines
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError, check_setting
from densenet_ocr.pipeline.exports.engines import Engine, open_export
from densenet_ocr.pipeline.exports.export_info import (
    CHARSET,
    DESCRIPTION,
    INT8_FORMATS,
    MODEL_FILES,
    PRECISIONS,
    ExportInfo,
    check_files,
    hash_files,
)
from densenet_ocr.pipeline.exports.golden_line import (
    TOLERANCE,
    check_golden,
    compare_logits,
    compute_line,
    find_tolerance,
    save_golden,
)
from densenet_ocr.pipeline.inference_model import InferenceModel
from densenet_ocr.pipeline.packages import list_versions

_MOST_COMPARED = 50  # representative lines that int8 is compared on: each is read four times

_PACKAGES = ("densenet-ocr", "keras", "tensorflow", "numpy", "pillow", "onnx", "onnxruntime", "tf2onnx")


def export(
    network: InferenceModel,
    *,
    output: str,
    format: str,
    precision: str = "float32",
    calibration: Sequence[np.ndarray] = (),
    overwrite: bool = False,
    anonymous: bool = False,
) -> dict[str, Any]:
    """Writes a network into a folder and checks that the export reads as the network does.

    Args:
      network: A network in memory.
      output: Folder of the export, or its URL.
      format: A key of export_info.MODEL_FILES.
      precision: float32; float16, for onnx; or int8, for INT8_FORMATS.
      calibration: Representative lines for int8, uint8 [H, W] each; the first one is the golden line.
      overwrite: Whether to replace an existing export, once the new one has been checked.
      anonymous: Whether to leave out where the model and its data lay, and what its splits hold.

    Returns:
      {"format", "precision", "output", "bytes", "largest_difference", "equal_texts", "seconds"}, as ocr-export
      prints it.

    Raises:
      UserError: a setting is wrong, or the export reads otherwise; the folder is then unchanged.
    """
    network = _require_keras(network)
    _check_settings(format, precision, calibration)
    start = time.monotonic()
    if anonymous:
        network = _make_anonymous(network)
    with replaced_folder(output, overwrite=overwrite) as folder:
        logging.info("export: writing %s to %s", format, output)
        info = _export(network, folder, ExportInfo(format, precision, "", 0.0, TOLERANCE), calibration)
    model = [storage.join(output, name) for name in info.files if name not in DESCRIPTION]
    return {
        "format": format,
        "precision": precision,
        "output": output,
        "bytes": sum(map(storage.size, model)),
        **{name: info.provenance[name] for name in ("largest_difference", "equal_texts")},
        "seconds": round(time.monotonic() - start, 2),
    }


def _export(
    network: KerasInferenceModel, folder: str, info: ExportInfo, calibration: Sequence[np.ndarray]
) -> ExportInfo:
    """Writes all files of an export into an empty folder and checks them; raises UserError.

    `calibration` has lines, uint8 [H, W] each.
    """
    golden = calibration[0] if len(calibration) else draw_golden_line(network.info.geometry)
    lines = [golden, *draw_test_lines(network.info.geometry)]
    if info.precision == "int8":
        lines += calibration[1:_MOST_COMPARED]
    _write(network, folder, info, calibration if info.precision == "int8" else ())
    exported = open_export(folder, info)
    figures = _compare(network, exported, lines)
    logits = compute_line(exported.compute_logits, golden)
    save_golden(folder, golden, logits)
    (reading,) = read_lines(exported, [golden])
    info = dataclasses.replace(
        info,
        text=reading.text,
        confidence=reading.confidence,
        tolerance=find_tolerance(info.precision, logits),
        train_split=network.train_split,
        files=hash_files(folder),
        provenance={
            "model": network.name,
            "weights": network.weights,
            **list_versions(*_PACKAGES),
            **figures,
        },
    )
    info.save(folder)
    check_files(folder, info)
    check_golden(folder, network.info, exported.compute_logits)
    return info


def _require_keras(network: InferenceModel) -> KerasInferenceModel:
    if not isinstance(network, KerasInferenceModel):
        raise UserError(
            f"model {network.name}",
            received="an export",
            expected="a run, a float16 export, or weights of the original notebook",
            remedy="Export the run again, in this format.",
        )
    return network


def _make_anonymous(network: KerasInferenceModel) -> KerasInferenceModel:
    info = dataclasses.replace(network.info, splits={}, provenance={})
    return KerasInferenceModel(network.model, info, name="", weights="", train_split="")


def _check_settings(format: str, precision: str, calibration: Sequence[np.ndarray]) -> None:
    """Raises UserError for settings that do not go together; `calibration` has uint8 [H, W] each."""
    check_setting("format", format, format in MODEL_FILES, ", ".join(MODEL_FILES))
    check_setting("precision", precision, precision in PRECISIONS, ", ".join(PRECISIONS))
    if precision == "float16":
        check_setting("format", format, format == "onnx", "onnx, where --precision=float16")
    if precision == "int8":
        check_setting(
            "format", format, format in INT8_FORMATS, f"{' or '.join(INT8_FORMATS)}, where --precision=int8"
        )
        check_setting("calibration_data", None, len(calibration), "lines to calibrate int8 on")


def _write(
    network: KerasInferenceModel, output: str, info: ExportInfo, calibration: Sequence[np.ndarray]
) -> None:
    """Writes the model, dataset.json and charset.txt; `calibration` has uint8 [H, W] each."""
    if info.format == "saved_model":
        write_saved_model(network, output)
    elif info.precision == "float16":
        write_float16(network, output)
    elif info.format == "onnx":
        write_onnx(network, output, calibration)
    elif info.format == "tflite":
        write_tflite(network, output, calibration)
    else:
        raise ValueError(f"no writer of {info.format}")
    network.info.save(output)
    network.info.charset.write(storage.join(output, CHARSET))


def _compare(network: KerasInferenceModel, exported: Engine, lines: list[np.ndarray]) -> dict[str, float]:
    """The largest difference of a logit, and the share of lines, uint8 [H, W] each, with equal texts.

    Raises UserError where a float32 export differs from the run.
    """
    both = (network, exported)
    logits = [[compute_line(one.compute_logits, line) for line in lines] for one in both]
    texts = [[reading.text for reading in read_lines(one, lines, batch_size=1)] for one in both]
    largest = max(map(compare_logits, *logits))
    equal = sum(map(operator.eq, *texts))
    logging.info(
        "export: %d of %d lines have the text that the run reads; logits differ by up to %.2g",
        *(equal, len(lines), largest),
    )
    if exported.export.precision == "float32" and not (largest <= TOLERANCE and equal == len(lines)):
        raise UserError(
            f"export to {exported.export.format}",
            received=f"logits that differ by up to {largest:.2g}",
            expected=f"{TOLERANCE} at most from those of the run, and equal texts",
            remedy="Report this: it is an error in the export, or in a package that it uses.",
        )
    return {"largest_difference": largest, "equal_texts": round(equal / len(lines), 4)}
