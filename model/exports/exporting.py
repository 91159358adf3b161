"""Exports a network: a model file, what describes it beside it, and the proof that it reads the same."""

import dataclasses
import importlib.metadata
import platform
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import logging

from model.exports.files import write_onnx, write_saved_model, write_tflite
from model.exports.golden import draw_golden_line, draw_test_lines
from model.exports.networks import open_export
from model.network import KerasNetwork, Network
from model.reading import Reading, make_readings
from pipeline import storage
from pipeline.dataset_info import FILE_NAME as DATASET
from pipeline.errors import UserError, check_setting
from pipeline.export_info import (
    FILE_NAME,
    GOLDEN_IMAGE,
    GOLDEN_LOGITS,
    MODEL_FILES,
    PRECISIONS,
    TOLERANCE,
    ExportInfo,
    compare_logits,
    hash_files,
    is_export,
    save_golden,
)

CHARSET = "charset.txt"

# Everything that an export may have in its folder.
_NAMES = {FILE_NAME, GOLDEN_IMAGE, GOLDEN_LOGITS, DATASET, CHARSET, "variables", "assets", "fingerprint.pb"}
_NAMES |= set(MODEL_FILES.values())

# An int8 model's logits are steps wide: another processor's kernels may round one the other way here and there.
_INT8_TOLERANCE = 0.05  # of the largest golden logit

_PACKAGES = ("densenet-ocr", "keras", "tensorflow", "numpy", "pillow", "onnx", "onnxruntime", "tf2onnx")


def export(
    network: KerasNetwork,
    *,
    output: str,
    format: str,
    precision: str = "float32",
    calibration: Sequence[np.ndarray] = (),
    overwrite: bool = False,
) -> dict[str, Any]:
    """Writes a network into a folder, in a format of export_info.MODEL_FILES, and checks that it reads so.

    `int8` is for TFLite and takes lines, uint8 [H, W], to calibrate on; the first of `calibration` is also the
    golden line. An export that is there is replaced only with `overwrite`. Returns the figures that
    model.export prints; raises UserError, and then leaves no export.
    """
    _check_network(network)
    _check_settings(format, precision, calibration)
    start = time.monotonic()
    _clear(output, overwrite)
    golden = calibration[0] if len(calibration) else draw_golden_line(network.info.geometry)
    try:
        _write(network, output, format, calibration if precision == "int8" else ())
        exported = open_export(output, ExportInfo(format, precision, "", 0.0, TOLERANCE))
        difference = _compare(network, exported, [golden, *draw_test_lines(network.info.geometry)])
        info = _describe(network, exported, golden, hash_files(output))
        save_golden(output, golden, _compute_alone(exported, golden))
    except BaseException:
        _remove(output)
        raise
    info.save(output)
    return {
        "format": format,
        "precision": precision,
        "output": output,
        "bytes": sum(storage.size(storage.join(output, name)) for name in info.files),
        "largest_difference": difference,
        "seconds": round(time.monotonic() - start, 2),
    }


def _check_network(network: Network) -> None:
    if not isinstance(network, KerasNetwork):
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
        check_setting("format", format, format == "tflite", "tflite, where --precision=int8")
        check_setting("calibration_data", None, len(calibration), "lines to calibrate int8 on")


def _clear(output: str, overwrite: bool) -> None:
    """Makes the folder, or empties one that an export has written; raises UserError for any other."""
    names = storage.list_names(output)
    others = [name for name in names if name not in _NAMES and storage.TEMPORARY not in name]
    if others or (names and not storage.is_folder(output)):
        raise UserError(
            f"output {output}",
            received=f"a folder with other files ({', '.join(others[:3])})",
            expected="a new folder, or that of an export",
            remedy="Choose another --output.",
        )
    if is_export(output) and not overwrite:
        raise UserError(
            f"output {output}",
            received="a folder that has an export",
            expected="a new folder",
            remedy="Choose another --output, or give --overwrite to replace it.",
        )
    _remove(output)
    storage.make_folder(output)


def _remove(output: str) -> None:
    """Removes what an export writes, the file first that makes it one."""
    names = [name for name in storage.list_names(output) if name in _NAMES or storage.TEMPORARY in name]
    for name in sorted(names, key=lambda name: name != FILE_NAME):
        storage.remove(storage.join(output, name))


def _write(network: KerasNetwork, output: str, format: str, calibration: Sequence[np.ndarray]) -> None:
    logging.info("export: writing %s to %s", format, output)
    if format == "saved_model":
        write_saved_model(network, output)
    elif format == "onnx":
        write_onnx(network, output)
    else:
        write_tflite(network, output, calibration)
    network.info.save(output)
    network.info.charset.write(storage.join(output, CHARSET))


def _compare(network: KerasNetwork, exported: Network, lines: list[np.ndarray]) -> float:
    """The largest difference of a logit; raises UserError where a float export reads other than the run."""
    logits, expected = ([_compute_alone(one, line) for line in lines] for one in (exported, network))
    texts = [[_read_alone(one, line).text for line in lines] for one in (network, exported)]
    largest = max(map(compare_logits, logits, expected))
    logging.info("export: logits differ from the run's by up to %.2g on %d lines", largest, len(lines))
    if exported.export.precision == "float32" and not (largest <= TOLERANCE and texts[0] == texts[1]):
        raise UserError(
            f"export to {exported.export.format}",
            received=f"logits that differ by up to {largest:.2g}",
            expected=f"{TOLERANCE} at most from those of the run, and equal texts",
            remedy="Report this: it is an error in the export, or in a package that it uses.",
        )
    return largest


def _describe(
    network: KerasNetwork, exported: Network, golden: np.ndarray, files: dict[str, str]
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
        },
    )


def _compute_alone(network: Network, line: np.ndarray) -> np.ndarray:
    return network.compute_logits(line[None], np.array([line.shape[1]], np.int32))[0]


def _read_alone(network: Network, line: np.ndarray) -> Reading:
    widths = np.array([line.shape[1]], np.int32)
    path = network.find_best_path(line[None], widths)
    return next(make_readings(path, network.info.charset, widths.tolist()))


def _find_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
