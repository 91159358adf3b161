"""An ONNX graph of the network whose weights lie in a file beside it, as float16; it computes in float32.

The file is that of network.float16_weights, so one copy of the weights serves engines and further training.
Layouts, and what follows from the statistics of a batch norm, are operations on the weights, which an engine
computes once, when it loads the graph. Lines go through the operations of lines_graph, in pairs of rows as in
onnx_graph.

A line of 280x32 took 10.3 ms, 9.6 with a float32 export and 13.3 without pairs of rows (least of 60 in turn,
one thread, on a machine that trained as well).
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from densenet_ocr.model.network.densenet import layers_with_weights, pool_columns
from densenet_ocr.model.network.float16_weights import DTYPE
from densenet_ocr.model.network.layers import NarrowConvolution
from densenet_ocr.pipeline.exports.export_info import WEIGHTS
from densenet_ocr.pipeline.exports.line_engine import INPUT, OUTPUT
from densenet_ocr.pipeline.geometry import Geometry

# Of the four input rows of a pair, the upper output row needs the first three, the lower one the last three:
# what a kernel is padded with, rows and columns before it, then after it, as ONNX counts them.
_HALVES = ((0, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, 0))

_IR_VERSION = 8  # the oldest one that goes with the operator set; onnx would write its newest


def make_float16_model(model: keras.Model, geometry: Geometry, *, opset: int) -> onnx.ModelProto:
    """Returns the ONNX model, from `lines`, float32 [B, height, W, 1], to `logits`, float32 [B, T, classes].

    Args:
      model: A network of build_densenet for lines of one width.
      geometry: Height of its lines, and pixels of a frame.
      opset: Operator set.
    """
    steps = _Steps()
    rows = (geometry.height + 1) // 2  # of the first block
    pools = iter(pool_columns(geometry.frame_stride))
    stem, *others = layers_with_weights(model)
    x = steps.add("Transpose", [INPUT], perm=[0, 3, 1, 2])
    x = steps.add("Conv", [x, steps.kernel(stem)], strides=[2, 2], auto_pad="SAME_UPPER")
    for batch_norm, layer in zip(others[::2], others[1::2], strict=True):
        activated = _activate(steps, x, batch_norm)
        if isinstance(layer, keras.layers.Dense):
            x = _classify(steps, activated, layer)
        elif isinstance(layer, NarrowConvolution):
            x = steps.add("Concat", [x, _grow(steps, activated, layer, rows)], axis=1)
        else:
            x, rows = _transit(steps, activated, layer, next(pools)), rows // 2
    steps.add("Identity", [x], output=OUTPUT)
    shapes = {INPUT: ["B", geometry.height, "W", 1], OUTPUT: ["B", "T", model.output_shape[-1]]}
    (given,), (logits,) = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name])] for name in (INPUT, OUTPUT)
    )
    graph = helper.make_graph(steps.nodes, "densenet_ctc", [given], [logits], steps.constants)
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION)


class _Steps:
    """Nodes and constants of a graph, in order; `offset` is the place of the next array in the file."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._offset = 0

    def add(self, operator: str, inputs: Sequence[str], *, output: str = "", **attributes: Any) -> str:
        """Adds a node; returns the name of its output."""
        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, value: np.ndarray) -> str:
        """Adds a constant of any shape and dtype; returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def numbers(self, *values: int) -> str:
        """Adds a constant of whole numbers, int64; returns its name."""
        return self.constant(np.array(values, np.int64))

    def weights(self, layer: keras.Layer) -> list[str]:
        """Adds the layer's arrays, float32, which must be the next ones of the file; returns their names."""
        return [self._load(array.shape) for array in layer.get_weights()]

    def kernel(self, layer: keras.Layer) -> str:
        """Adds the kernel [rows, columns, C, filters] of a convolution without bias as [filters, C, ...]."""
        (kernel,) = self.weights(layer)
        return self.turn(kernel)

    def turn(self, kernel: str) -> str:
        """Adds the change of a kernel's layout from Keras's to that of ONNX."""
        return self.add("Transpose", [kernel], perm=[3, 2, 0, 1])

    def _load(self, shape: tuple[int, ...]) -> str:
        length = int(np.prod(shape)) * DTYPE.itemsize
        name = f"constant_{len(self.constants)}"
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT16, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        place = {"location": WEIGHTS, "offset": str(self._offset), "length": str(length)}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=value)
        self.constants.append(tensor)
        self._offset += length
        return self.add("Cast", [name], to=TensorProto.FLOAT)


def _activate(steps: _Steps, x: str, layer: keras.Layer) -> str:
    """A batch norm, as a depthwise 1x1 convolution, and its ReLU."""
    gamma, beta, mean, variance = steps.weights(layer)
    epsilon = steps.constant(np.array(layer.epsilon, np.float32))
    deviation = steps.add("Sqrt", [steps.add("Add", [variance, epsilon])])
    scale = steps.add("Div", [gamma, deviation])
    offset = steps.add("Sub", [beta, steps.add("Mul", [mean, scale])])
    kernel = steps.add("Reshape", [scale, steps.numbers(-1, 1, 1, 1)])
    return steps.add("Relu", [steps.add("Conv", [x, kernel, offset], group=layer.gamma.shape[0])])


def _transit(steps: _Steps, x: str, layer: keras.layers.Conv2D, columns: int) -> str:
    """The layer of a transition, after its pool of 2 rows and 1 or 2 columns."""
    pooled = steps.add("AveragePool", [x], kernel_shape=[2, columns], strides=[2, columns])
    return steps.add("Conv", [pooled, steps.kernel(layer)])


def _grow(steps: _Steps, x: str, layer: NarrowConvolution, rows: int) -> str:
    """A 3x3 'same' convolution of [B, C, rows, W], by pairs of rows where their number is even."""
    kernel, bias = steps.weights(layer)
    kernel = steps.turn(kernel)
    if rows % 2:
        return steps.add("Conv", [x, kernel, bias], pads=[1, 1, 1, 1])
    halves = [steps.add("Pad", [kernel, steps.numbers(0, 0, *pads)]) for pads in _HALVES]
    pair, biases = (steps.add("Concat", parts, axis=0) for parts in (halves, [bias, bias]))
    pairs = steps.add("Conv", [x, pair, biases], strides=[2, 1], pads=[1, 1, 1, 1])
    apart = steps.add("Reshape", [pairs, steps.numbers(0, 2, layer.filters, rows // 2, -1)])
    turned = steps.add("Transpose", [apart], perm=[0, 2, 3, 1, 4])
    return steps.add("Reshape", [turned, steps.numbers(0, layer.filters, rows, -1)])


def _classify(steps: _Steps, x: str, layer: keras.layers.Dense) -> str:
    """The dense layer of each column, [B, C, rows, T] -> [B, T, classes]."""
    kernel, bias = steps.weights(layer)
    columns = steps.add("Transpose", [x], perm=[0, 3, 2, 1])  # a column: row, then channel
    flat = steps.add("Reshape", [columns, steps.numbers(0, -1, layer.kernel.shape[0])])
    return steps.add("Add", [steps.add("MatMul", [flat, kernel]), bias])
