"""Exports a network: a model file, what describes it beside it, and the proof that it reads the same."""

import dataclasses
import functools
import importlib.metadata
import operator
import platform
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import logging

from densenet_ocr.model.exports.files import write_onnx, write_saved_model, write_tflite
from densenet_ocr.model.exports.golden import draw_golden_line, draw_test_lines
from densenet_ocr.model.exports.networks import open_export
from densenet_ocr.model.exports.output import replaced_folder
from densenet_ocr.model.reading.inference_model import InferenceModel, KerasInferenceModel
from densenet_ocr.model.reading.reading import Reading, make_readings
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError, check_setting
from densenet_ocr.pipeline.exports.export_info import (
    CHARSET,
    DESCRIPTION,
    INT8_FORMATS,
    MODEL_FILES,
    PRECISIONS,
    TOLERANCE,
    ExportInfo,
    check_files,
    check_golden,
    compare_logits,
    hash_files,
    save_golden,
)

# An int8 model's logits are steps wide: another processor's kernels may round one the other way here and there.
_INT8_TOLERANCE = 0.05  # of the largest golden logit

_COMPARED = 50  # lines of a calibration at most that int8 is compared on: each is read four times

_PACKAGES = ("densenet-ocr", "keras", "tensorflow", "numpy", "pillow", "onnx", "onnxruntime", "tf2onnx")


def export(
    network: KerasInferenceModel,
    *,
    output: str,
    format: str,
    precision: str = "float32",
    calibration: Sequence[np.ndarray] = (),
    overwrite: bool = False,
) -> dict[str, Any]:
    """Writes a network into a folder, in a format of export_info.MODEL_FILES, and checks that it reads so.

    `int8` is for INT8_FORMATS and takes lines, uint8 [H, W], to calibrate on. The first of them is also
    the golden line. An export that is there is replaced only with `overwrite`, by one that has been checked.
    Returns the figures that model.export prints; raises UserError, and then leaves the folder as it was.
    """
    _check_network(network)
    _check_settings(format, precision, calibration)
    start = time.monotonic()
    with replaced_folder(output, overwrite=overwrite) as folder:
        logging.info("export: writing %s to %s", format, output)
        info = _make(network, folder, ExportInfo(format, precision, "", 0.0, TOLERANCE), calibration)
    model = [storage.join(output, name) for name in info.files if name not in DESCRIPTION]
    return {
        "format": format,
        "precision": precision,
        "output": output,
        "bytes": sum(map(storage.size, model)),
        **{name: info.provenance[name] for name in ("largest_difference", "equal_texts")},
        "seconds": round(time.monotonic() - start, 2),
    }


def _make(
    network: KerasInferenceModel, folder: str, export: ExportInfo, calibration: Sequence[np.ndarray]
) -> ExportInfo:
    """Writes all files of an export into an empty folder, and checks them; raises UserError."""
    golden = calibration[0] if len(calibration) else draw_golden_line(network.info.geometry)
    lines = [golden, *draw_test_lines(network.info.geometry)]
    if export.precision == "int8":
        lines += calibration[1:_COMPARED]
    _write(network, folder, export.format, calibration if export.precision == "int8" else ())
    exported = open_export(folder, export)
    figures = _compare(network, exported, lines)
    save_golden(folder, golden, _compute_alone(exported, golden))
    info = _describe(network, exported, golden, hash_files(folder), figures)
    info.save(folder)
    check_files(folder, info)
    check_golden(folder, network.info, functools.partial(_compute_alone, exported))
    return info


def _check_network(network: InferenceModel) -> None:
    if not isinstance(network, KerasInferenceModel):
        raise UserError(
            f"model {network.name}",
            received="an export",
            expected="a run, or weights of the original notebook",
            remedy="Export the run that it was made of again, in this format.",
        )


def _check_settings(format: str, precision: str, calibration: Sequence[np.ndarray]) -> None:
    check_setting("format", format, format in MODEL_FILES, ", ".join(MODEL_FILES))
    check_setting("precision", precision, precision in PRECISIONS, " or ".join(PRECISIONS))
    if precision == "int8":
        check_setting("format", format, format in INT8_FORMATS, "onnx or tflite, where --precision=int8")
        check_setting("calibration_data", None, len(calibration), "lines to calibrate int8 on")


def _write(network: KerasInferenceModel, output: str, format: str, calibration: Sequence[np.ndarray]) -> None:
    if format == "saved_model":
        write_saved_model(network, output)
    elif format == "onnx":
        write_onnx(network, output, calibration)
    else:
        write_tflite(network, output, calibration)
    network.info.save(output)
    network.info.charset.write(storage.join(output, CHARSET))


def _compare(
    network: KerasInferenceModel, exported: InferenceModel, lines: list[np.ndarray]
) -> dict[str, float]:
    """The largest difference of a logit, and the share of lines that read as the run reads them.

    Raises UserError where a float export reads other than the run.
    """
    logits, expected = ([_compute_alone(one, line) for line in lines] for one in (exported, network))
    texts = [[_read_alone(one, line).text for line in lines] for one in (network, exported)]
    largest = max(map(compare_logits, logits, expected))
    equal = sum(map(operator.eq, *texts))
    logging.info(
        "export: %d of %d lines read as the run reads them; its logits differ by up to %.2g",
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


def _describe(
    network: KerasInferenceModel,
    exported: InferenceModel,
    golden: np.ndarray,
    files: dict[str, str],
    figures: dict[str, float],
) -> ExportInfo:
    reading, tolerance = _read_alone(exported, golden), TOLERANCE
    if exported.export.precision == "int8":
        tolerance = _INT8_TOLERANCE * float(np.max(np.abs(_compute_alone(exported, golden))))
    packages = {name: _find_version(name) for name in _PACKAGES}
    return dataclasses.replace(
        exported.export,
        text=reading.text,
        confidence=reading.confidence,
        tolerance=tolerance,
        train_split=network.train_split,
        files=files,
        provenance={
            "model": network.name,
            "weights": network.weights,
            "python": platform.python_version(),
            "packages": packages,
            **figures,
        },
    )


def _compute_alone(network: InferenceModel, line: np.ndarray) -> np.ndarray:
    return network.compute_logits(line[None], np.array([line.shape[1]], np.int32))[0]


def _read_alone(network: InferenceModel, line: np.ndarray) -> Reading:
    widths = np.array([line.shape[1]], np.int32)
    path = network.find_best_path(line[None], widths)
    return next(make_readings(path, network.info.charset, widths.tolist()))


def _find_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
