"""The graph of ONNX and TFLite models: the network of normalised lines, in operations that engines fuse.

The logits equal those of network.densenet up to float32 rounding. A batch norm is a 1x1 depthwise convolution,
which engines fuse with the offset and the ReLU. A transition pools first, by a 2x2 depthwise convolution: both
are linear, and the 1x1 convolution then has a quarter of the pixels. The dense layer of a column is a
convolution over all rows; a reshape before it would hide the sizes from an engine.

Compared with the layers one by one, a line of 280x32 with 5990 classes took TFLite's int8 11.0 ms instead of
12.7, onnxruntime 14.0 instead of 15.4 and TFLite 19.4 instead of 20.3; the mean error of TFLite's int8 logits
was 0.010 instead of 0.013 (one thread with AVX2, medians of 60 lines in turn; random weights).
"""

import functools
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.densenet import layers_with_weights, pool_columns
from densenet_ocr.model.network.layers import NarrowConvolution
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.pipeline.geometry import count_rows

Step = Callable[[tf.Tensor], tf.Tensor]

# The size of a channel: its mean and this many deviations, but no less than a share of the largest one.
_DEVIATIONS, _SMALLEST = 4, 1e-3


def make_lines_call(network: KerasInferenceModel, *, equalised: bool = False) -> Step:
    """Returns the function from normalised lines of one width, float32 [B, H, W, 1], to logits.

    Args:
      network: The network; its present weights become constants of the function.
      equalised: Whether each channel between layers is divided by its usual size, which the batch norms after
        it undo. int8 has one scale for all channels of a block, and in a trained network the sizes of these
        differ 40 times: of a model of 5990 classes int8 read 0.80 of 2,000 lines with this and 0.21 without,
        float32 0.81.

    Returns:
      A function that returns logits, float32 [B, T, classes].
    """
    stem, *others = layers_with_weights(network.model)
    geometry = network.info.geometry
    rows, pools = count_rows(geometry.height), iter(pool_columns(geometry.frame_stride))
    norms, layers = others[::2], others[1::2]  # a batch norm precedes every other layer
    sizes = (
        _list_sizes(norms, layers) if equalised else [np.ones(norm.gamma.shape, np.float32) for norm in norms]
    )
    steps = [_convolve(stem, sizes[0], strides=2)]
    for norm, layer, size, following in zip(norms, layers, sizes, [*sizes[1:], None], strict=True):
        steps.append(_make_step(_activate(norm, size), layer, following, rows, pools))
    return lambda lines: functools.reduce(lambda x, step: step(x), steps, lines)


def _list_sizes(norms: list[keras.Layer], layers: list[keras.Layer]) -> list[np.ndarray]:
    """What the channels before each batch norm are divided by, float32 [C], by the moving statistics."""
    sizes: list[np.ndarray] = []
    for norm, before in zip(norms, [None, *layers[:-1]], strict=True):
        size = np.abs(np.array(norm.moving_mean)) + _DEVIATIONS * np.sqrt(np.array(norm.moving_variance))
        size = np.maximum(size, _SMALLEST * size.max())
        if isinstance(before, NarrowConvolution):  # a block keeps its channels
            size[: len(sizes[-1])] = sizes[-1]
        sizes.append(size)
    return sizes


def _make_step(
    activate: Step, layer: keras.Layer, sizes: np.ndarray | None, rows: int, pools: Iterator[int]
) -> Step:
    """A batch norm with its ReLU and the layer that follows, for float32 [B, H, W, C].

    `sizes` has what the channels of the result are divided by.
    """
    if sizes is None:
        classify = _classify(layer, rows)
        return lambda x: classify(activate(x))
    convolve = _convolve(layer, sizes[-layer.filters :])
    if isinstance(layer, NarrowConvolution):
        return lambda x: tf.concat([x, convolve(activate(x))], axis=-1)
    columns = next(pools)
    return lambda x: convolve(_pool(activate(x), columns))


def _convolve(layer: keras.Layer, sizes: np.ndarray, *, strides: int = 1) -> Step:
    """A 'same' convolution, [B, H, W, C] -> [B, H / strides, W / strides, filters], divided by `sizes`."""
    kernel = np.array(layer.kernel) / sizes
    bias = (np.array(layer.bias) if layer.use_bias else np.zeros(kernel.shape[-1], np.float32)) / sizes
    return lambda x: tf.nn.conv2d(x, kernel, strides, "SAME") + bias


def _activate(batch_norm: keras.Layer, sizes: np.ndarray) -> Step:
    """A batch norm and a ReLU of [B, H, W, C], whose channels are divided by `sizes`."""
    scale = np.array(batch_norm.gamma) / np.sqrt(np.array(batch_norm.moving_variance) + batch_norm.epsilon)
    offset = np.array(batch_norm.beta) - scale * np.array(batch_norm.moving_mean)
    kernel = (scale * sizes)[None, None]
    return lambda x: tf.nn.relu(_convolve_depthwise(x, kernel, stride=1) + offset)


def _pool(x: tf.Tensor, columns: int) -> tf.Tensor:
    """Average pool of 2 rows and 1 or 2 columns, [B, H, W, C] -> [B, H // 2, W // columns, C]."""
    if columns == 1:  # TensorFlow's depthwise convolution has one stride for both directions
        return tf.nn.avg_pool2d(x, (2, columns), (2, columns), "VALID")
    return _convolve_depthwise(x, np.full([2, 2, x.shape[-1]], 1 / 4, np.float32), stride=2)


def _convolve_depthwise(x: tf.Tensor, kernel: np.ndarray, *, stride: int) -> tf.Tensor:
    """Depthwise 'valid' convolution of [B, H, W, C] with a kernel [rows, columns, C]."""
    return tf.nn.depthwise_conv2d(x, kernel[..., None], [1, stride, stride, 1], "VALID")


def _classify(layer: keras.layers.Dense, rows: int) -> Step:
    """The dense layer of each column, [B, rows, T, C] -> [B, T, classes]."""
    kernel, bias = np.array(layer.kernel), np.array(layer.bias)
    columns = kernel.reshape(rows, 1, -1, kernel.shape[-1])  # a column: row, then channel
    return lambda x: tf.squeeze(tf.nn.conv2d(x, columns, 1, "VALID") + bias, axis=1)
