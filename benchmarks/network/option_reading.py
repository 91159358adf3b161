"""Times the reading of a line by ONNX int8 exports, on one thread, for benchmarks.network.options."""

import functools
import os
import tempfile
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
import onnxruntime

from densenet_ocr.model.exports.writers import write_onnx
from densenet_ocr.model.network.densenet import build_for
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.dataset import read_first_lines
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.exports.line_engine import INPUT, LIKELIEST

_CALIBRATION, _TIMED, _WARM_UP = 32, 20, 3


def time_lines(data: Sequence[str], *, rounds: int) -> list[list[float]]:
    """Times the reading of one line by several networks with random weights, in turn.

    Args:
      data: The data set of each network.
      rounds: Measurements of each.

    Returns:
      CPU seconds of a line, by round and network.
    """
    calls = [_open(folder) for folder in data]
    for call in calls:
        _time(call, _WARM_UP)
    return [[_time(call, _TIMED) for call in calls] for _ in range(rounds)]


def _open(data: str) -> Callable:
    """What reads a line by an export."""
    info = load_dataset_info(data)
    records = read_first_lines(folder=data, info=info, split="test", count=_CALIBRATION)
    lines = [record.levels for record in records]
    model = build_for(info)
    _draw_statistics(model)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        write_onnx(KerasInferenceModel(model, info), folder, lines)
        path = os.path.join(folder, "model.onnx")
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    return functools.partial(session.run, LIKELIEST, {INPUT: images.normalise(lines[0])[None, ..., None]})


def _draw_statistics(model: keras.Model) -> None:
    """Scales and variances around 1, offsets and biases around 0, as a trained network has."""
    random = np.random.default_rng(0)
    for variable in model.variables:
        if len(variable.shape) == 1:
            centre = 1 if variable.path.endswith(("gamma", "moving_variance")) else 0
            variable.assign(centre + random.uniform(-0.3, 0.3, variable.shape))


def _time(call: Callable, count: int) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - start) / count
