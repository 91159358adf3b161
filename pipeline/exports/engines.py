"""Inference with exported models, by the engine of each format.

ocr-predict, ocr-evaluate and ocr-transcribe read with these. Each engine is imported when it is used: that of
ONNX needs neither TensorFlow nor Keras.
"""

from collections.abc import Callable
from typing import Protocol

from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.exports.export_info import SAVED_MODEL, ExportInfo, load_lines_info, local_export
from densenet_ocr.pipeline.exports.golden_line import check_golden
from densenet_ocr.pipeline.inference_model import InferenceModel
from densenet_ocr.pipeline.packages import explain_missing

# The package that computes a format.
PACKAGES = {SAVED_MODEL: "tensorflow", "onnx": "onnxruntime", "tflite": "tensorflow"}


class Engine(InferenceModel, Protocol):
    """An exported model.

    Attributes:
      export: Description of the export.
    """

    export: ExportInfo


def load_export(folder: str, *, threads: int = 0) -> Engine:
    """Loads an export and checks its files and its golden line.

    Args:
      folder: The export, its URL, or the name of a shipped one.
      threads: Lines that an ONNX or TFLite model computes at once, each on one thread; 0 for one per core. A
        SavedModel computes with the threads of TensorFlow, which are those of the whole process.

    Returns:
      The engine of its format.

    Raises:
      UserError: a file is missing or was changed, the model does not reproduce its golden line, or a package
        that computes it is not installed.
    """
    with local_export(folder) as (copy, export):
        engine = _load(copy, export, load_lines_info(copy, export), threads)
        check_golden(copy, engine.info, engine.compute_logits)
    engine.name = folder
    return engine


def open_export(folder: str, export: ExportInfo) -> Engine:
    """Loads an export that is being written: without its checks, as it has no golden line yet."""
    return _load(folder, export, load_dataset_info(folder), 0)


def _load(folder: str, export: ExportInfo, info: DatasetInfo, threads: int) -> Engine:
    engine: Callable[[str, ExportInfo, DatasetInfo, int], Engine]
    with explain_missing():
        if export.format == "onnx":
            from densenet_ocr.pipeline.exports.onnx_engine import OnnxEngine as engine
        elif export.format == "tflite":
            from densenet_ocr.pipeline.exports.tflite_engine import TfliteEngine as engine
        elif export.format == SAVED_MODEL:
            from densenet_ocr.pipeline.exports.saved_model_engine import SavedModelEngine as engine
        else:
            raise ValueError(f"no engine for {export.format}")
        return engine(folder, export, info, threads)
