"""Static int8 quantisation of an ONNX graph, with ranges from representative lines."""

import os
import tempfile
from collections.abc import Iterable, Sequence

import numpy as np
import onnx
import onnxruntime.quantization as tools
from onnxruntime.quantization import shape_inference

from densenet_ocr.pipeline.exports.line_engine import INPUT

# Operators computed in int8; the last layer's bias is added in float32.
_OPERATORS = ["Conv", "Relu", "Concat", "MatMul"]

# Operators that move values without changing them.
_MOVERS = ("Transpose", "Reshape")


class _Batches:
    """A CalibrationDataReader of onnxruntime."""

    def __init__(self, batches: Iterable[np.ndarray]):
        self._batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Returns the next batch, float32 [B, H, W, 1], by the model's input, or None."""
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def quantise(model: onnx.ModelProto, batches: Sequence[np.ndarray]) -> onnx.ModelProto:
    """Quantises weights and activations to int8.

    Weights have 7 bits and a scale for each output channel: with 8 bits, sums of two products overflow 16 bits
    on CPUs without VNNI, which would then give other logits than those with it. Tensors of dense blocks have
    the ranges of `_share_ranges`, others those of the batches.

    Args:
      model: The float32 model.
      batches: Representative lines, float32 [B, H, W, 1].

    Returns:
      The quantised model.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, prepared, augmented, quantised = (
            os.path.join(folder, name) for name in ("given", "prepared", "augmented", "quantised")
        )
        onnx.save(model, given)  # onnxruntime 1.32 cannot prepare a model that is no file
        shape_inference.quant_pre_process(given, prepared, skip_symbolic_shape=True)
        # The minimum and maximum of each input and output of a concatenation.
        calibrator = tools.create_calibrator(prepared, ["Concat"], augmented_model_path=augmented)
        calibrator.collect_data(_Batches(batches))
        measured = {name: data.range_value for name, data in calibrator.compute_data().items()}
        ranges = _share_ranges(onnx.load(prepared).graph, measured)
        overrides = {name: [{"rmin": low, "rmax": high}] for name, (low, high) in ranges.items()}
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
                "TensorQuantOverrides": overrides,
            },
        )
        return onnx.load(quantised)


def _share_ranges(graph: onnx.GraphProto, ranges: dict[str, tuple]) -> dict[str, tuple]:
    """Gives all tensors of a dense block the range of the block's last concatenation.

    With ranges of their own, each concatenation would requantise all channels before it.
    """
    makers = {name: node for node in graph.node for name in node.output}
    shared: dict[str, tuple] = {}
    for node in reversed([node for node in graph.node if node.op_type == "Concat"]):
        whole = shared.setdefault(node.output[0], ranges[node.output[0]])
        for name in node.input:
            shared[name] = whole
            while makers[name].op_type in _MOVERS:
                name = makers[name].input[0]
                shared[name] = whole
    return shared
