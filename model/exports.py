"""Exported models read back: each a network (see model.network) by the engine of its format."""

import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from model.ctc import BestPath, decode_best_path
from model.network import Network
from pipeline import images, storage
from pipeline.dataset_info import load_dataset_info
from pipeline.errors import UserError
from pipeline.export_info import MODEL_FILES, ExportInfo, check_files, check_golden, load_export_info
from pipeline.frames import count_frames
from pipeline.saved_model import SavedModel

INPUT, OUTPUT = "lines", "logits"  # the one input and output of ONNX and TFLite models


class SavedModelNetwork:
    """A SavedModel; a batch may have lines of several widths."""

    takes_padding = True

    def __init__(self, folder: str, export: ExportInfo | None = None):
        """Loads a folder and checks its golden line (see open_export); raises UserError."""
        self._model = SavedModel(folder, export)
        self.info, self.export = self._model.info, self._model.export
        self.compute_logits = self._model.compute_logits

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """See Network."""
        return BestPath(*self._model.find_best_path(levels, widths))


class _LinesNetwork:
    """A model of normalised lines, float32 [B, H, W, 1], all of one width. Not for several threads at once."""

    takes_padding = False

    def __init__(self, folder: str, export: ExportInfo | None = None):
        """Loads a folder and checks its golden line (see open_export); raises UserError."""
        self.export, self.info = export or load_export_info(folder), load_dataset_info(folder)
        if export is None:
            check_files(folder, self.export)
        path = storage.join(folder, MODEL_FILES[self.export.format])
        try:
            self._compute = self._load(path)
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(
                f"model {path}",
                received=(str(error).splitlines() or [type(error).__name__])[0],
                expected="the file that the export wrote",
                remedy="Export the model again, or copy the folder again.",
            ) from None
        self._decode = _make_decoder(self.info.charset.classes)
        if export is None:
            check_golden(folder, self._compute_alone)

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """See Network; `widths` are all that of the levels."""
        if np.any(np.asarray(widths) != levels.shape[2]):
            raise ValueError(f"widths {list(widths)} in a batch of width {levels.shape[2]}")
        return self._compute(images.normalise(levels)[..., None])

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """See Network; `widths` are all that of the levels."""
        frames = count_frames(np.asarray(widths, np.int32))
        return self._decode(self.compute_logits(levels, widths), frames)

    def _load(self, path: str) -> Callable[[np.ndarray], np.ndarray]:
        raise NotImplementedError

    def _compute_alone(self, levels: np.ndarray) -> np.ndarray:
        return self.compute_logits(levels[None], np.array([levels.shape[1]]))[0]


class OnnxNetwork(_LinesNetwork):
    """An ONNX model, computed by onnxruntime on a CPU."""

    def _load(self, path: str) -> Callable[[np.ndarray], np.ndarray]:
        runtime = import_extra("onnxruntime")
        try:
            session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no other class in common
            raise ValueError(str(error)) from None
        return lambda lines: session.run([OUTPUT], {INPUT: lines})[0]


class TfliteNetwork(_LinesNetwork):
    """A TFLite model, computed by TensorFlow's interpreter on all cores."""

    def _load(self, path: str) -> Callable[[np.ndarray], np.ndarray]:
        return _Interpreter(path).compute


class _Interpreter:
    def __init__(self, path: str):
        self._interpreter = tf.lite.Interpreter(path, num_threads=os.cpu_count())
        self._input, self._output = (
            details[0]["index"]
            for details in (self._interpreter.get_input_details(), self._interpreter.get_output_details())
        )
        self._shape = None

    def compute(self, lines: np.ndarray) -> np.ndarray:
        # Another shape means another plan of the memory, which takes longer than a line does.
        if lines.shape != self._shape:
            self._interpreter.resize_tensor_input(self._input, lines.shape)
            self._interpreter.allocate_tensors()
            self._shape = lines.shape
        self._interpreter.set_tensor(self._input, lines)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output)


_NETWORKS = {"saved_model": SavedModelNetwork, "onnx": OnnxNetwork, "tflite": TfliteNetwork}


def load_export(folder: str) -> Network:
    """The network in the folder of an export, whose golden line has been checked; raises UserError."""
    return _NETWORKS[load_export_info(folder).format](folder)


def open_export(folder: str, export: ExportInfo) -> Network:
    """The same of a folder that is just being written, whose export.json and golden line are still to come."""
    return _NETWORKS[export.format](folder, export)


def import_extra(name: str):
    """A package that only exports need; raises UserError where it is not installed."""
    try:
        return __import__(name)
    except ImportError:
        raise UserError(
            "ONNX",
            received=f"no package {name} here",
            expected="the packages for exports",
            remedy="pip install 'densenet-ocr[export]'",
        ) from None


def _make_decoder(classes: int) -> Callable[[np.ndarray, np.ndarray], BestPath]:
    logits, frames = tf.TensorSpec([None, None, classes], tf.float32), tf.TensorSpec([None], tf.int32)
    return tf.function(decode_best_path, input_signature=[logits, frames])
