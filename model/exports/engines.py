"""Inference with exported models, by the engine of each format."""

import abc
import concurrent.futures
import functools
import importlib
import os
import queue
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from densenet_ocr.model.exports.quiet import quiet
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.decoding import BestPath, find_likeliest, merge_repeats
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import (
    MODEL_FILES,
    ExportInfo,
    load_export_info,
    load_lines_info,
)
from densenet_ocr.pipeline.exports.golden_line import check_golden
from densenet_ocr.pipeline.exports.saved_model import SavedModelEngine

INPUT, OUTPUT = "lines", "logits"  # names in ONNX and TFLite models

# Further outputs of ONNX models: each frame's likeliest class and its softmax probability.
LIKELIEST = ("best", "probability")


class _LineEngine(abc.ABC):
    """A model of normalised lines, float32 [B, H, W, 1], all of one width.

    The lines of a batch are computed one by one, on as many threads as there are cores: a line's activations
    stay in a core's cache, and no thread waits for another. 64 lines of 280x32 on two cores took 317 ms this
    way, 509 ms with onnxruntime's own threads (medians, on a shared machine).
    """

    takes_padding = False

    def __init__(self, folder: str, export: ExportInfo, info: DatasetInfo):
        """Loads the model without checking it; raises UserError for a damaged one."""
        self.name, self.export, self.info, self.train_split = folder, export, info, export.train_split
        path = storage.join(folder, MODEL_FILES[export.format])
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

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """Returns logits, float32 [B, T, classes].

        Args:
          levels: Grey levels, uint8 [B, H, W].
          widths: int32 [B], all equal to W.
        """
        return np.concatenate(self._map(self._compute_logits, levels, widths))

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """Returns the lines' characters; takes what `compute_logits` takes."""
        results = self._map(self._find_likeliest, levels, widths)
        best, probability = map(np.concatenate, zip(*results, strict=True))
        return merge_repeats(best, probability, self.info.charset.blank)

    @abc.abstractmethod
    def _load(self, path: str) -> None:
        """Loads a model's file; raises OSError, ValueError or RuntimeError for a damaged one."""

    @abc.abstractmethod
    def _compute_logits(self, line: np.ndarray, *, alone: bool) -> np.ndarray:
        """Logits [1, T, classes] of one line [1, H, W, 1]; several threads call it at once unless `alone`."""

    def _find_likeliest(self, line: np.ndarray, *, alone: bool) -> tuple[np.ndarray, np.ndarray]:
        """The likeliest class, int32 [1, T], and its probability, float32 [1, T], of one line [1, H, W, 1]."""
        logits = self._compute_logits(line, alone=alone)
        return find_likeliest(logits, [logits.shape[1]])

    def _map(self, compute: Callable[..., Any], levels: np.ndarray, widths: np.ndarray) -> list[Any]:
        """What `compute` returns for each line of uint8 [B, H, W]."""
        if np.any(np.asarray(widths) != levels.shape[2]):
            raise ValueError(f"widths {list(widths)} in a batch of width {levels.shape[2]}")
        lines = images.normalise(levels)[:, None, ..., None]
        if len(lines) == 1:
            return [compute(lines[0], alone=True)]
        return list(self._threads.map(functools.partial(compute, alone=False), lines))


class OnnxEngine(_LineEngine):
    """Inference by onnxruntime, on a CPU."""

    def _load(self, path: str) -> None:
        self._alone, self._among_others = (self._open(path, cores) for cores in (_count_cores(), 1))
        outputs = {output.name for output in self._alone.get_outputs()}
        self._has_likeliest = outputs.issuperset(LIKELIEST)  # older exports have not

    def _open(self, path: str, threads: int) -> Any:
        """An onnxruntime.InferenceSession."""
        runtime = import_extra("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that spin while they wait take a line 7 % less time, and up to twice as much where other
        # processes need their cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no other base class in common
            raise ValueError(str(error)) from None

    def _compute_logits(self, line: np.ndarray, *, alone: bool) -> np.ndarray:
        return self._run(line, [OUTPUT], alone)[0]

    def _find_likeliest(self, line: np.ndarray, *, alone: bool) -> tuple[np.ndarray, np.ndarray]:
        if not self._has_likeliest:
            return super()._find_likeliest(line, alone=alone)
        best, probability = self._run(line, LIKELIEST, alone)
        return best.astype(np.int32), probability

    def _run(self, line: np.ndarray, outputs: Sequence[str], alone: bool) -> list[np.ndarray]:
        return (self._alone if alone else self._among_others).run(outputs, {INPUT: line})


class TfliteEngine(_LineEngine):
    """Inference by TensorFlow Lite's interpreter.

    Each line takes one core: the interpreter's own threads spin while they wait, and where other processes
    needed their cores, two of them took up to 200 times as long as one.
    """

    def _load(self, path: str) -> None:
        self._interpreters: queue.SimpleQueue[_Interpreter] = queue.SimpleQueue()
        with quiet():
            for _ in range(_count_cores()):
                self._interpreters.put(_Interpreter(path))

    def _compute_logits(self, line: np.ndarray, *, alone: bool) -> np.ndarray:
        interpreter = self._interpreters.get()
        try:
            return interpreter.compute(line)
        finally:
            self._interpreters.put(interpreter)


class _Interpreter:
    """An interpreter with one input and one output."""

    def __init__(self, path: str):
        self._interpreter = tf.lite.Interpreter(path, num_threads=1)
        (given,), (result,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._input, self._output = given["index"], result["index"]
        height = given["shape"][1]
        self._allocate((1, height, height, 1))  # here, within quiet(), because it logs

    def compute(self, lines: np.ndarray) -> np.ndarray:
        """Logits [1, T, classes] of one line, float32 [1, H, W, 1]."""
        # Another shape means another memory plan, which takes half as long as a line.
        if lines.shape != self._shape:
            self._allocate(lines.shape)
        self._interpreter.set_tensor(self._input, lines)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output)

    def _allocate(self, shape: tuple[int, ...]) -> None:
        self._interpreter.resize_tensor_input(self._input, shape)
        self._interpreter.allocate_tensors()
        self._shape = shape


Engine = SavedModelEngine | OnnxEngine | TfliteEngine
_ENGINES: dict[str, type[Engine]] = {
    "saved_model": SavedModelEngine,
    "onnx": OnnxEngine,
    "tflite": TfliteEngine,
}


def load_export(folder: str) -> Engine:
    """Loads an export and checks its files and its golden line; raises UserError."""
    export = load_export_info(folder)
    engine = _ENGINES[export.format](folder, export, load_lines_info(folder, export))
    check_golden(folder, engine.info, engine.compute_logits)
    return engine


def open_export(folder: str, export: ExportInfo) -> Engine:
    """Loads an export that is being written: without its checks, as it has no golden line yet."""
    return _ENGINES[export.format](folder, export, load_dataset_info(folder))


def import_extra(name: str) -> Any:
    """Imports a package that only exports need; raises UserError where it is not installed."""
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
