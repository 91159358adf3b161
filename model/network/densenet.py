"""The notebook's network, to the parameter: a DenseNet over the line, one vector of logits a frame.

5990 classes at height 32 make 4,896,742 parameters, of which 7,488 (moving statistics) do not train. The order
of layers, their sizes and their initial values are those of the notebook's densenet.py (2018).
"""

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from densenet_ocr.model.network.layers import (
    FusedBatchNormalization,
    LineColumns,
    LineStart,
    NarrowConvolution,
    SeededDropout,
)
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.geometry import FRAME_STRIDE, ROW_STRIDE, check_frame_stride, count_rows
from densenet_ocr.pipeline.graph.images import normalise

BLOCKS = 3
LAYERS_PER_BLOCK = 8
GROWTH = 8
STEM_FILTERS = 64
TRANSITION_FILTERS = 128
DROPOUT = 0.2
WEIGHT_DECAY = 1e-4
EPSILON = 1.1e-5
HEAD = "logits"  # name of the last layer; the layers before it are the trunk


def build_densenet(
    *, height: int, classes: int, seed: int = 0, padded: bool = False, frame_stride: int = FRAME_STRIDE
) -> keras.Model:
    """Builds the network: lines, float32 [B, height, W, 1] -> logits, float32 [B, T, classes].

    Args:
      height: Rows of the lines in pixels.
      classes: Number of classes, the blank being the last one.
      seed: Seed of the initial weights, which depend on nothing else.
      padded: Whether lines in a batch may be padded to one width. A second input, int32 [B], then has the
        width of each line, whose (width+1)//frame_stride frames are those of the line without padding. The
        weights are the same.
      frame_stride: Pixels of a frame: 8, or 4, where the second pool halves the rows only. The weights have the
        same shapes.

    Returns:
      A model whose inputs are named as in pipeline.schema: `image`, and `width` where `padded`. Its logits have
      T = (W+1)//frame_stride frames.

    Raises:
      UserError: there is no such frame stride.
    """
    pools = pool_columns(frame_stride)
    seeds = itertools.count(seed << 10)
    image = keras.Input((height, None, 1), name=schema.IMAGE)
    inputs, x, columns = image, image, None
    width: Any = None
    if padded:
        width = keras.Input((), name=schema.WIDTH, dtype="int32")
        inputs, x = [image, width], LineStart()(image, width)
    x = _convolve(STEM_FILTERS, 5, seeds, strides=2)(x)
    for block in range(BLOCKS):
        if block:
            x = _transition(x, columns, seeds, number=block, pool=pools[block - 1])
        if padded:
            width = (width + 1) // 2 if not block else width // pools[block - 1]  # 'same', then 'valid' pools
            columns = LineColumns()(x, width)
        x = _dense_block(x, columns, seeds)
    x = _activate(x, columns)
    x = keras.layers.Permute((2, 1, 3))(x)  # [B, frames, rows, channels]
    x = keras.layers.Reshape((-1, count_rows(height) * x.shape[-1]))(x)  # a column: row, then channel
    # float32 under any dtype policy: a softmax over thousands of classes takes all of its digits.
    head = keras.layers.Dense(classes, kernel_initializer=_he_normal(seeds), name=HEAD, dtype="float32")
    return keras.Model(inputs, head(x), name="densenet_ctc")


def build_for(info: DatasetInfo, *, seed: int = 0, padded: bool = False) -> keras.Model:
    """Builds the network for a data set's lines, frames and charset; see build_densenet."""
    return build_densenet(
        height=info.geometry.height,
        classes=info.charset.classes,
        seed=seed,
        padded=padded,
        frame_stride=info.geometry.frame_stride,
    )


def pool_columns(frame_stride: int) -> tuple[int, int]:
    """Returns how many columns the pools of the two transitions average; they average two rows each."""
    return 2, 2 * check_frame_stride(frame_stride) // ROW_STRIDE


def call_densenet(model: keras.Model, batch: dict[str, tf.Tensor], *, training: bool) -> tf.Tensor:
    """Computes the logits of a batch.

    Args:
      model: A model of `build_densenet`.
      batch: A batch of pipeline.dataset; its images, [B, H, W, 1], may be uint8 or normalised float32.
      training: Whether to use batch statistics and dropout.

    Returns:
      float32 [B, T, classes].
    """
    image = normalise(batch[schema.IMAGE])
    inputs = image if len(model.inputs) == 1 else [image, batch[schema.WIDTH]]
    return model(inputs, training=training)


def layers_with_weights(model: keras.Model) -> list[keras.Layer]:
    """Returns the layers with weights: one chain from image to logits, in the same order in every model."""
    return [layer for layer in model.layers if layer.weights]


def count_parameters(model: keras.Model) -> tuple[int, int]:
    """Returns the number of parameters, and of those that do not train."""
    frozen = sum(int(v.value.shape.num_elements()) for v in model.non_trainable_variables)
    return model.count_params(), frozen


def _dense_block(
    x: keras.KerasTensor, columns: keras.KerasTensor | None, seeds: Iterator[int]
) -> keras.KerasTensor:
    """Appends LAYERS_PER_BLOCK * GROWTH channels to float [B, H, W, C]; `columns` is bool [B, W]."""
    for _ in range(LAYERS_PER_BLOCK):
        grown = NarrowConvolution(
            GROWTH, 3, padding="same", data_format="channels_last", kernel_initializer=_he_normal(seeds)
        )(_activate(x, columns))
        x = keras.layers.Concatenate()([x, grown])
    return x


def _transition(
    x: keras.KerasTensor, columns: keras.KerasTensor | None, seeds: Iterator[int], *, number: int, pool: int
) -> keras.KerasTensor:
    """Convolves, drops and pools: float [B, H, W, C] -> [B, H // 2, W // pool, TRANSITION_FILTERS]."""
    x = _convolve(TRANSITION_FILTERS, 1, seeds)(_activate(x, columns))
    x = SeededDropout(DROPOUT, number)(x)
    size = (2, pool)
    return keras.layers.AveragePooling2D(size, size, padding="valid", data_format="channels_last")(x)


def _activate(x: keras.KerasTensor, columns: keras.KerasTensor | None) -> keras.KerasTensor:
    """Batch norm and ReLU of float [B, H, W, C], in `columns`, bool [B, W], alone where they are given."""
    return keras.layers.ReLU()(FusedBatchNormalization(epsilon=EPSILON)(x, columns))


def _convolve(filters: int, size: int, seeds: Iterator[int], *, strides: int = 1) -> keras.layers.Layer:
    return keras.layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="same",
        use_bias=False,
        data_format="channels_last",
        kernel_initializer=_he_normal(seeds),
        kernel_regularizer=keras.regularizers.L2(WEIGHT_DECAY),
    )


def _he_normal(seeds: Iterator[int]) -> keras.initializers.Initializer:
    # Explicit, because Keras's default seeds come from Python's global random numbers.
    return keras.initializers.HeNormal(seed=next(seeds))
