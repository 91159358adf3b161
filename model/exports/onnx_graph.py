"""Rewrites the network's ONNX graph for speed; results stay the same."""

import itertools

import numpy as np
import onnx
from onnx import helper, numpy_helper

from densenet_ocr.model.network.densenet import GROWTH
from densenet_ocr.pipeline.exports.line_engine import LIKELIEST, OUTPUT

# An operator, its inputs after the first, and its attributes.
_Step = tuple[str, list[str], dict]


def pair_rows(model: onnx.ModelProto, *, channels_last: bool) -> None:
    """Computes pairs of rows of a narrow 3x3 convolution's output as one row of twice the channels.

    onnxruntime lays channels out in blocks of 16, so the 8 of these convolutions leave half idle: in float32
    on CPUs with AVX-512, in int8 on all. With pairs a line of 280x32 takes 10.4 ms instead of 12.4 in float32
    with AVX-512, 9.0 instead of 10.9 in int8 with AVX2 (one thread, medians). Convolutions of an odd height
    stay as they are.

    Args:
      model: Changed in place.
      channels_last: The layout of the engine's tensors, True for int8: it saves 50 transpositions there, and
        would make a float32 line 8 % slower.
    """
    shapes = _find_shapes(model)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        height = shapes[node.output[0]][2] if _is_narrow(node, model.graph) else 1
        if height and height % 2 == 0:
            model.graph.node.extend(_pair(node, model.graph, height, channels_last))
        else:
            model.graph.node.append(node)
    _drop_unused(model.graph)


def classify_by_product(model: onnx.ModelProto) -> None:
    """Computes the last convolution, over all rows of a column, as a matrix product; changes the model.

    onnxruntime has an int8 product with a float32 result: logits are not quantised.
    """
    graph = model.graph
    last = max(place for place, node in enumerate(graph.node) if node.op_type == "Conv")
    convolution = graph.node[last]
    kernel = numpy_helper.to_array(_weights(convolution, graph))  # [classes, C, rows, 1]
    matrix = kernel.transpose(2, 1, 3, 0).reshape(-1, len(kernel))
    names = _add_constants(graph, OUTPUT, {"matrix": matrix, "columns": np.array([0, -1, len(matrix)])})
    steps: list[_Step] = [
        ("Transpose", [], {"perm": [0, 3, 2, 1]}),
        ("Reshape", [names["columns"]], {}),
        ("MatMul", [names["matrix"]], {}),
    ]
    if len(convolution.input) > 2:  # tf2onnx leaves out a bias of zeros, as an untrained network has
        steps.append(("Add", [convolution.input[2]], {}))
    chain = _chain(convolution.input[0], steps, OUTPUT)
    del graph.node[last:]  # the nodes after it squeeze its one row and transpose the rest
    graph.node.extend(chain)
    _drop_unused(graph)


def add_likeliest(model: onnx.ModelProto) -> None:
    """Adds outputs to the model: each frame's likeliest class, int64 [B, T], and probability, float32 [B, T].

    Greedy decoding needs no more. With 5990 classes this saves 0.9 ms against returning the logits to numpy
    (a line of 280x32, median).
    """
    graph, (best, probability) = model.graph, LIKELIEST
    graph.node.append(helper.make_node("ArgMax", [OUTPUT], [best], axis=-1, keepdims=0))
    steps: list[_Step] = [("Softmax", [], {"axis": -1}), ("ReduceMax", [], {"axes": [-1], "keepdims": 0})]
    graph.node.extend(_chain(OUTPUT, steps, probability))
    types = (onnx.TensorProto.INT64, onnx.TensorProto.FLOAT)
    graph.output.extend(map(helper.make_tensor_value_info, LIKELIEST, types, [["B", "T"]] * 2))


def name_dimensions(value: onnx.ValueInfoProto, names: dict[int, str]) -> None:
    """Names the free dimensions of an input or output, by axis."""
    for place, name in names.items():
        value.type.tensor_type.shape.dim[place].dim_param = name


def _find_shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Shapes of all tensors between nodes, by name, 0 for a free dimension."""
    values = onnx.shape_inference.infer_shapes(model).graph.value_info
    return {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in values}


def _is_narrow(node: onnx.NodeProto, graph: onnx.GraphProto) -> bool:
    if node.op_type != "Conv":
        return False
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return list(_weights(node, graph).dims)[::2] == [GROWTH, 3] and attributes["strides"] == [1, 1]


def _pair(
    node: onnx.NodeProto, graph: onnx.GraphProto, height: int, channels_last: bool
) -> list[onnx.NodeProto]:
    """The nodes that compute a 3x3 'same' convolution's output [B, C, height, W] by pairs of its rows."""
    output, kernel = node.output[0], numpy_helper.to_array(_weights(node, graph))
    # Of the four input rows of a pair, the upper output row needs the first three, the lower the last three.
    pair = np.concatenate([np.pad(kernel, [(0, 0), (0, 0), rows, (0, 0)]) for rows in ((0, 1), (1, 0))])
    weights = {"kernel": pair}
    if len(node.input) > 2:
        weights["bias"] = np.tile(numpy_helper.to_array(_find(node.input[2], graph)), 2)
    names = list(_add_constants(graph, output, weights).values())
    convolve = ("Conv", names, {"strides": [2, 1], "pads": [1, 1, 1, 1], "kernel_shape": [4, 3]})
    take_turns = _take_turns(graph, output, height, len(kernel), channels_last)
    return _chain(node.input[0], [convolve, *take_turns], output)


def _take_turns(
    graph: onnx.GraphProto, output: str, height: int, channels: int, channels_last: bool
) -> list[_Step]:
    """The steps from pairs of rows, [B, 2 C, height / 2, W], to rows, [B, C, height, W].

    With channels last they lie between two transpositions that cancel out in such an engine.
    """
    apart, whole, order = [0, 2, channels, height // 2, -1], [0, channels, height, -1], [0, 2, 3, 1, 4]
    if channels_last:
        apart, whole, order = [0, height // 2, -1, 2, channels], [0, height, -1, channels], [0, 1, 3, 2, 4]
    names = _add_constants(graph, output, {"apart": np.array(apart), "whole": np.array(whole)})
    steps: list[_Step] = [
        ("Reshape", [names["apart"]], {}),
        ("Transpose", [], {"perm": order}),
        ("Reshape", [names["whole"]], {}),
    ]
    if channels_last:
        steps = [
            ("Transpose", [], {"perm": [0, 2, 3, 1]}),
            *steps,
            ("Transpose", [], {"perm": [0, 3, 1, 2]}),
        ]
    return steps


def _chain(given: str, steps: list[_Step], output: str) -> list[onnx.NodeProto]:
    """The nodes of steps, each of which takes the result of the one before it."""
    names = [given, *(f"{output}/{place}" for place in range(1, len(steps))), output]
    return [
        helper.make_node(operator, [before, *others], [after], **attributes)
        for (before, after), (operator, others, attributes) in zip(
            itertools.pairwise(names), steps, strict=True
        )
    ]


def _add_constants(graph: onnx.GraphProto, owner: str, values: dict[str, np.ndarray]) -> dict[str, str]:
    """Adds constants of any shapes and dtypes to a graph; returns their names in it by their own names."""
    names = {name: f"{owner}/{name}" for name in values}
    graph.initializer.extend(numpy_helper.from_array(value, names[name]) for name, value in values.items())
    return names


def _weights(node: onnx.NodeProto, graph: onnx.GraphProto) -> onnx.TensorProto:
    return _find(node.input[1], graph)


def _find(name: str, graph: onnx.GraphProto) -> onnx.TensorProto:
    return next(tensor for tensor in graph.initializer if tensor.name == name)


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
