"""Exported models read back: each a network (see model.reading.inference_model) by the engine of its format."""

import abc
import concurrent.futures
import functools
import importlib
import os
import queue
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from densenet_ocr.model.exports.silence import quiet
from densenet_ocr.model.reading.inference_model import InferenceModel
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.decoding import BestPath, find_likeliest, merge_repeats
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import (
    MODEL_FILES,
    ExportInfo,
    check_golden,
    load_export_info,
    load_lines_info,
)
from densenet_ocr.pipeline.exports.saved_model import SavedModel

INPUT, OUTPUT = "lines", "logits"  # of ONNX and TFLite models

# What else ONNX models give, each frame's likeliest class and its probability.
LIKELIEST = ("best", "probability")


class SavedModelNetwork:
    """A SavedModel; a batch may have lines of several widths."""

    takes_padding = True

    def __init__(self, folder: str, export: ExportInfo | None = None):
        """Loads a folder and checks its golden line (see open_export); raises UserError."""
        self._model = SavedModel(folder, export)
        self.info, self.export = self._model.info, self._model.export
        self.name, self.train_split = folder, self.export.train_split
        self.compute_logits, self.find_best_path = self._model.compute_logits, self._model.find_best_path


class _LinesNetwork(abc.ABC):
    """A model of normalised lines, float32 [B, H, W, 1], all of one width.

    A batch is computed line by line, by as many threads as there are cores, each on one: what a line needs
    stays in a core's cache, and no thread waits for another. With 64 lines of 280x32 and two cores that took
    317 ms, where onnxruntime's own threads took 509 (medians, on a shared machine).
    """

    takes_padding = False

    def __init__(self, folder: str, export: ExportInfo | None = None):
        """Loads a folder and checks its golden line (see open_export); raises UserError."""
        self.export = export or load_export_info(folder)
        self.info = load_dataset_info(folder) if export else load_lines_info(folder, self.export)
        self.name, self.train_split = folder, self.export.train_split
        path = storage.join(folder, MODEL_FILES[self.export.format])
        try:
            self._load(path)
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(
                f"model {path}",
                received=(str(error).splitlines() or [type(error).__name__])[0],
                expected="the file that the export wrote",
                remedy="Export the model again, or copy the folder again.",
            ) from None
        self._threads = concurrent.futures.ThreadPoolExecutor(_count_cores())
        if export is None:
            check_golden(folder, self.info, self._compute_golden)

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """See InferenceModel; `widths` are all that of the levels."""
        return np.concatenate(self._map(self._compute_line, levels, widths))

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """See InferenceModel; `widths` are all that of the levels."""
        best, probability = map(np.concatenate, zip(*self._map(self._read_line, levels, widths), strict=True))
        return merge_repeats(best, probability, self.info.charset.blank)

    @abc.abstractmethod
    def _load(self, path: str) -> None:
        """Loads a model's file; raises OSError, ValueError or RuntimeError for one that is none."""

    @abc.abstractmethod
    def _compute_line(self, line: np.ndarray, *, alone: bool) -> np.ndarray:
        """Logits [1, T, classes] of one line, [1, H, W, 1]; several threads call it at once unless `alone`."""

    def _read_line(self, line: np.ndarray, *, alone: bool) -> tuple[np.ndarray, np.ndarray]:
        """What find_likeliest finds in these."""
        logits = self._compute_line(line, alone=alone)
        return find_likeliest(logits, [logits.shape[1]])

    def _map(self, compute: Callable, levels: np.ndarray, widths: np.ndarray) -> list:
        """What is computed of each line."""
        if np.any(np.asarray(widths) != levels.shape[2]):
            raise ValueError(f"widths {list(widths)} in a batch of width {levels.shape[2]}")
        lines = images.normalise(levels)[:, None, ..., None]
        if len(lines) == 1:
            return [compute(lines[0], alone=True)]
        return list(self._threads.map(functools.partial(compute, alone=False), lines))

    def _compute_golden(self, levels: np.ndarray) -> np.ndarray:
        return self.compute_logits(levels[None], np.array([levels.shape[1]]))[0]


class OnnxNetwork(_LinesNetwork):
    """An ONNX model, computed by onnxruntime on a CPU."""

    def _load(self, path: str) -> None:
        self._alone, self._among_others = (self._open(path, cores) for cores in (_count_cores(), 1))
        outputs = {output.name for output in self._alone.get_outputs()}
        self._tells_likeliest = outputs.issuperset(LIKELIEST)  # older exports do not

    def _open(self, path: str, threads: int):
        runtime = import_extra("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that wait without sleeping take a line 7 % less time, and up to twice as much where anything
        # else wants their cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no other class in common
            raise ValueError(str(error)) from None

    def _compute_line(self, line: np.ndarray, *, alone: bool) -> np.ndarray:
        return self._run(line, [OUTPUT], alone)[0]

    def _read_line(self, line: np.ndarray, *, alone: bool) -> tuple[np.ndarray, np.ndarray]:
        if not self._tells_likeliest:
            return super()._read_line(line, alone=alone)
        best, probability = self._run(line, LIKELIEST, alone)
        return best.astype(np.int32), probability

    def _run(self, line: np.ndarray, outputs: Sequence[str], alone: bool) -> list[np.ndarray]:
        return (self._alone if alone else self._among_others).run(outputs, {INPUT: line})


class TfliteNetwork(_LinesNetwork):
    """A TFLite model, computed by TensorFlow's interpreter.

    A line takes one core: the interpreter's own threads wait without sleeping, and where anything else wanted
    their cores, two of them took up to 200 times as long as one.
    """

    def _load(self, path: str) -> None:
        self._interpreters = queue.SimpleQueue()
        with quiet():
            for _ in range(_count_cores()):
                self._interpreters.put(_Interpreter(path))

    def _compute_line(self, line: np.ndarray, *, alone: bool) -> np.ndarray:
        interpreter = self._interpreters.get()
        try:
            return interpreter.compute(line)
        finally:
            self._interpreters.put(interpreter)


class _Interpreter:
    def __init__(self, path: str):
        self._interpreter = tf.lite.Interpreter(path, num_threads=1)
        self._input, self._output = (
            details[0]["index"]
            for details in (self._interpreter.get_input_details(), self._interpreter.get_output_details())
        )
        height = self._interpreter.get_input_details()[0]["shape"][1]
        self._allocate((1, height, height, 1))  # here, where what it says of itself is held back

    def compute(self, lines: np.ndarray) -> np.ndarray:
        # Another shape means another plan of the memory, which takes half as long as a line.
        if lines.shape != self._shape:
            self._allocate(lines.shape)
        self._interpreter.set_tensor(self._input, lines)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output)

    def _allocate(self, shape: tuple[int, ...]) -> None:
        self._interpreter.resize_tensor_input(self._input, shape)
        self._interpreter.allocate_tensors()
        self._shape = shape


_NETWORKS = {"saved_model": SavedModelNetwork, "onnx": OnnxNetwork, "tflite": TfliteNetwork}


def load_export(folder: str) -> InferenceModel:
    """The network in the folder of an export, whose golden line has been checked; raises UserError."""
    return _NETWORKS[load_export_info(folder).format](folder)


def open_export(folder: str, export: ExportInfo) -> InferenceModel:
    """The same of a folder that is just being written, whose export.json and golden line are still to come."""
    return _NETWORKS[export.format](folder, export)


def import_extra(name: str):
    """A package that only exports need; raises UserError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(
            "ONNX",
            received=f"no package {name} here",
            expected="the packages for exports",
            remedy="pip install 'densenet-ocr[export]'",
        ) from None


def _count_cores() -> int:
    return len(os.sched_getaffinity(0))
