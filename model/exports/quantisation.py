"""Quantises an ONNX graph to int8, by what lines show of the numbers within it."""

import os
import tempfile
from collections.abc import Iterable

import numpy as np
import onnx

from model.exports.networks import INPUT, import_extra

# What is computed in int8; the last layer's bias is added in float32.
_OPERATORS = ["Conv", "Relu", "Concat", "MatMul"]


class _Batches:
    """Batches as onnxruntime asks for them."""

    def __init__(self, batches: Iterable[np.ndarray]):
        self._batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def quantise(model: onnx.ModelProto, batches: Iterable[np.ndarray]) -> onnx.ModelProto:
    """The same model with weights and results of int8, whose ranges are those that the batches show.

    Weights have 7 bits, a scale for each output channel: with 8, sums of two products overflow their 16 bits on
    CPUs without VNNI, which then read otherwise than those with it.
    """
    tools, shapes = (import_extra(f"onnxruntime.quantization{name}") for name in ("", ".shape_inference"))
    with tempfile.TemporaryDirectory() as folder:
        given, prepared, quantised = (os.path.join(folder, name) for name in ("given", "prepared", "quantised"))
        onnx.save(model, given)  # onnxruntime 1.32 cannot prepare a model that is no file
        shapes.quant_pre_process(given, prepared, skip_symbolic_shape=True)
        tools.quantize_static(
            prepared,
            quantised,
            _Batches(batches),
            quant_format=tools.QuantFormat.QDQ,
            op_types_to_quantize=_OPERATORS,
            per_channel=True,
            reduce_range=True,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
            extra_options={"OpTypesToExcludeOutputQuantization": ["MatMul"]},
        )
        return onnx.load(quantised)
