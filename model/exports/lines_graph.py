"""What ONNX and TFLite files compute: the network of normalised lines, spelt for the engines that read them.

The logits are those of network.densenet to float32's rounding, in larger steps. A batch norm is a depthwise
convolution of 1x1, into which engines draw the offset and the ReLU. A transition pools first, by such a
convolution of 2x2: both are linear, and its own has a quarter of the pixels then. A column's dense layer is the
convolution over all rows that it is; the reshape before it would keep an engine from knowing its sizes.

Against the layers one by one, a line of 280x32 with 5990 classes took TFLite's int8 11.0 ms in place of 12.7,
onnxruntime 14.0 in place of 15.4 and TFLite 19.4 in place of 20.3; TFLite's int8 logits were 0.010 off on
average in place of 0.013 (one thread with AVX2, medians of 60 lines in turn; random weights).
"""

import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.densenet import layers_with_weights
from densenet_ocr.model.network.layers import NarrowConvolution
from densenet_ocr.model.reading.inference_model import KerasInferenceModel
from densenet_ocr.pipeline.frames import count_frames


def make_lines_call(network: KerasInferenceModel) -> Callable:
    """float32 normalised lines of one width, [B, H, W, 1] -> logits [B, T, classes].

    Holds the weights that the network has now.
    """
    stem, *others = layers_with_weights(network.model)
    rows = count_frames(network.info.geometry.height)
    pairs = zip(others[::2], others[1::2], strict=True)  # a batch norm stands before every other layer
    steps = [_convolve(stem, strides=2), *(_make_step(*pair, rows) for pair in pairs)]
    return lambda lines: functools.reduce(lambda x, step: step(x), steps, lines)


def _make_step(batch_norm, layer, rows: int) -> Callable:
    """What a batch norm, its ReLU and the layer behind them make of [B, H, W, C]."""
    activate = _activate(batch_norm)
    if isinstance(layer, keras.layers.Dense):
        classify = _classify(layer, rows)
        return lambda x: classify(activate(x))
    convolve = _convolve(layer)
    if isinstance(layer, NarrowConvolution):
        return lambda x: tf.concat([x, convolve(activate(x))], axis=-1)
    return lambda x: convolve(_pool(activate(x)))


def _convolve(layer, *, strides: int = 1) -> Callable:
    kernel = np.array(layer.kernel)
    bias = np.array(layer.bias) if layer.use_bias else np.zeros(kernel.shape[-1], np.float32)
    return lambda x: tf.nn.conv2d(x, kernel, strides, "SAME") + bias


def _activate(batch_norm) -> Callable:
    scale = np.array(batch_norm.gamma) / np.sqrt(np.array(batch_norm.moving_variance) + batch_norm.epsilon)
    offset = np.array(batch_norm.beta) - scale * np.array(batch_norm.moving_mean)
    return lambda x: tf.nn.relu(_convolve_depthwise(x, scale[None, None], stride=1) + offset)


def _pool(x):
    return _convolve_depthwise(x, np.full([2, 2, x.shape[-1]], 1 / 4, np.float32), stride=2)


def _convolve_depthwise(x, kernel: np.ndarray, *, stride: int):
    return tf.nn.depthwise_conv2d(x, kernel[..., None], [1, stride, stride, 1], "VALID")


def _classify(layer, rows: int) -> Callable:
    kernel, bias = np.array(layer.kernel), np.array(layer.bias)
    columns = kernel.reshape(rows, 1, -1, kernel.shape[-1])  # a column: row, then channel
    return lambda x: tf.squeeze(tf.nn.conv2d(x, columns, 1, "VALID") + bias, axis=1)
