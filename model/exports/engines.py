"""Inference with exported models, by the engine of each format; each engine is imported when it is used."""

from collections.abc import Callable
from typing import Protocol

from densenet_ocr.model.reading.inference_model import InferenceModel
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.exports.export_info import ExportInfo, load_export_info, load_lines_info
from densenet_ocr.pipeline.exports.golden_line import check_golden
from densenet_ocr.pipeline.packages import explain_missing


class Engine(InferenceModel, Protocol):
    """An exported model.

    Attributes:
      export: Description of the export.
    """

    export: ExportInfo


def load_export(folder: str) -> Engine:
    """Loads an export and checks its files and its golden line; raises UserError."""
    export = load_export_info(folder)
    engine = _load(folder, export, load_lines_info(folder, export))
    check_golden(folder, engine.info, engine.compute_logits)
    return engine


def open_export(folder: str, export: ExportInfo) -> Engine:
    """Loads an export that is being written: without its checks, as it has no golden line yet."""
    return _load(folder, export, load_dataset_info(folder))


def _load(folder: str, export: ExportInfo, info: DatasetInfo) -> Engine:
    with explain_missing():
        return _find_engine(export.format)(folder, export, info)


def _find_engine(format: str) -> Callable[[str, ExportInfo, DatasetInfo], Engine]:
    """The class that reads a format; onnxruntime's needs neither TensorFlow nor Keras."""
    if format == "onnx":
        from densenet_ocr.model.exports.onnx_engine import OnnxEngine

        return OnnxEngine
    if format == "tflite":
        from densenet_ocr.model.exports.tflite_engine import TfliteEngine

        return TfliteEngine
    from densenet_ocr.pipeline.exports.saved_model import SavedModelEngine

    return SavedModelEngine
