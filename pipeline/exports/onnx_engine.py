"""Inference with ONNX models; needs neither TensorFlow nor Keras."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from densenet_ocr.pipeline.exports.line_engine import INPUT, LIKELIEST, OUTPUT, LineEngine


class OnnxEngine(LineEngine):
    """Inference by onnxruntime, on a CPU."""

    def _load(self, path: str) -> None:
        self._alone = self._open(path, self.threads)
        self._among_others = self._open(path, 1) if self.threads > 1 else self._alone
        outputs = {output.name for output in self._alone.get_outputs()}
        self._has_likeliest = outputs.issuperset(LIKELIEST)  # older exports have not

    def _open(self, path: str, threads: int) -> Any:
        """An onnxruntime.InferenceSession."""
        import onnxruntime as runtime

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
        """Logits [1, T, classes] of one line, float32 [1, H, W, 1]."""
        return self._run(line, [OUTPUT], alone)[0]

    def _find_likeliest(self, line: np.ndarray, *, alone: bool) -> tuple[np.ndarray, np.ndarray]:
        """The likeliest class, int32 [1, T], and its probability, float32 [1, T], of one line."""
        if not self._has_likeliest:
            return super()._find_likeliest(line, alone=alone)
        best, probability = self._run(line, LIKELIEST, alone)
        return best.astype(np.int32), probability

    def _run(self, line: np.ndarray, outputs: Sequence[str], alone: bool) -> list[np.ndarray]:
        """Outputs of one line, float32 [1, H, W, 1], by their names."""
        return (self._alone if alone else self._among_others).run(outputs, {INPUT: line})
