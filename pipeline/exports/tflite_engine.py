"""Inference with TFLite models."""

import queue

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline.exports.line_engine import LineEngine
from densenet_ocr.pipeline.exports.quiet import quiet


class TfliteEngine(LineEngine):
    """Inference by TensorFlow Lite's interpreter.

    Each line takes one core: the interpreter's own threads spin while they wait, and where other processes
    needed their cores, two of them took up to 200 times as long as one.
    """

    def _load(self, path: str) -> None:
        self._interpreters: queue.SimpleQueue[_Interpreter] = queue.SimpleQueue()
        with quiet():
            for _ in range(self.threads):
                self._interpreters.put(_Interpreter(path))

    def _compute_logits(self, line: np.ndarray, *, alone: bool) -> np.ndarray:
        """Logits [1, T, classes] of one line, float32 [1, H, W, 1]."""
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
