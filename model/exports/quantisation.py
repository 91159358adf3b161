"""Quantises an ONNX graph to int8, by what lines show of the numbers within it."""

import os
import tempfile
from collections.abc import Sequence

import numpy as np
import onnx

from model.exports.networks import INPUT, import_extra

# What is computed in int8; the last layer's bias is added in float32.
_OPERATORS = ["Conv", "Relu", "Concat", "MatMul"]

# What leaves numbers as they are.
_MOVERS = ("Transpose", "Reshape")


class _Batches:
    """Batches as onnxruntime asks for them."""

    def __init__(self, batches: Sequence[np.ndarray]):
        self._batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def quantise(model: onnx.ModelProto, batches: Sequence[np.ndarray]) -> onnx.ModelProto:
    """The same model with weights and results of int8, whose ranges are those that the batches show.

    Weights have 7 bits, a scale for each output channel: with 8, sums of two products overflow their 16 bits on
    CPUs without VNNI, which then read otherwise than those with it.
    """
    tools, shapes = (import_extra(f"onnxruntime.quantization{name}") for name in ("", ".shape_inference"))
    with tempfile.TemporaryDirectory() as folder:
        given, prepared, quantised = (os.path.join(folder, name) for name in ("given", "prepared", "quantised"))
        onnx.save(model, given)  # onnxruntime 1.32 cannot prepare a model that is no file
        shapes.quant_pre_process(given, prepared, skip_symbolic_shape=True)
        ranges = _share_ranges(onnx.load(prepared).graph, _measure_ranges(prepared, batches, folder))
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
            extra_options={
                "OpTypesToExcludeOutputQuantization": ["MatMul"],
                "TensorQuantOverrides": {
                    name: [{"rmin": low, "rmax": high}] for name, (low, high) in ranges.items()
                },
            },
        )
        return onnx.load(quantised)


def _measure_ranges(model: str, batches: Sequence[np.ndarray], folder: str) -> dict[str, tuple]:
    """The least and the greatest number of each tensor that a concatenation takes or gives."""
    tools = import_extra("onnxruntime.quantization")
    augmented = os.path.join(folder, "augmented")
    calibrator = tools.create_calibrator(model, ["Concat"], augmented_model_path=augmented)
    calibrator.collect_data(_Batches(batches))
    return {name: data.range_value for name, data in calibrator.compute_data().items()}


def _share_ranges(graph: onnx.GraphProto, ranges: dict[str, tuple]) -> dict[str, tuple]:
    """The range of each tensor of a dense block: that of the block's last concatenation.

    With ranges of their own, each of a block's concatenations would round all that is before it anew.
    """
    makers = {name: node for node in graph.node for name in node.output}
    shared = {}
    for node in reversed([node for node in graph.node if node.op_type == "Concat"]):
        whole = shared.setdefault(node.output[0], ranges[node.output[0]])
        for name in node.input:
            shared[name] = whole
            while makers[name].op_type in _MOVERS:
                name = makers[name].input[0]
                shared[name] = whole
    return shared
