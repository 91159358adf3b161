"""The notebook's network, to the parameter: a DenseNet over the line, one vector of logits a frame.

5990 classes at height 32 make 4,896,742 parameters, of which 7,488 (moving statistics) do not train. The order
of layers, their sizes and their initial values are those of the notebook's densenet.py (2018).
"""

import itertools
from collections.abc import Iterator

import keras

from densenet_ocr.model.network.layers import (
    FusedBatchNormalization,
    LineColumns,
    LineStart,
    NarrowConvolution,
    SeededDropout,
)
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.frames import count_frames
from densenet_ocr.pipeline.images_graph import normalise

BLOCKS = 3
LAYERS_PER_BLOCK = 8
GROWTH = 8
STEM_FILTERS = 64
TRANSITION_FILTERS = 128
DROPOUT = 0.2
WEIGHT_DECAY = 1e-4
EPSILON = 1.1e-5
HEAD = "logits"  # the name of the last layer; all before it is the trunk


def build_densenet(*, height: int, classes: int, seed: int = 0, padded: bool = False) -> keras.Model:
    """float32 normalised lines [B, height, W, 1] -> logits [B, (W+1)//8, classes], the blank last.

    The initial weights are a function of `seed` alone. With `padded`, a second input, int32 [B], has each
    line's own width: columns from there on count for nothing, so that its (width+1)//8 frames are those that
    it has alone. The weights are the same with and without.
    """
    seeds = itertools.count(seed << 10)
    image = keras.Input((height, None, 1), name=schema.IMAGE)
    inputs, x, width, columns = image, image, None, None
    if padded:
        width = keras.Input((), name=schema.WIDTH, dtype="int32")
        inputs, x = [image, width], LineStart()(image, width)
    x = _convolve(STEM_FILTERS, 5, seeds, strides=2, decays=True)(x)
    for block in range(BLOCKS):
        if block:
            x = _transition(x, columns, seeds, number=block)
        if padded:
            width = (width + 1) // 2 if not block else width // 2  # 'same' convolution, then 'valid' pools
            columns = LineColumns()(x, width)
        x = _dense_block(x, columns, seeds)
    x = _activate(x, columns)
    x = keras.layers.Permute((2, 1, 3))(x)  # [B, frames, rows, channels]
    x = keras.layers.Reshape((-1, count_frames(height) * x.shape[-1]))(x)  # a column: row, then channel
    # float32 under any dtype policy: a softmax over thousands of classes takes all of its digits.
    head = keras.layers.Dense(classes, kernel_initializer=_he_normal(seeds), name=HEAD, dtype="float32")
    return keras.Model(inputs, head(x), name="densenet_ctc")


def call_densenet(model: keras.Model, batch: dict, *, training: bool):
    """Logits of a batch of pipeline.dataset, whose images may still be uint8."""
    image = normalise(batch[schema.IMAGE])
    inputs = image if len(model.inputs) == 1 else [image, batch[schema.WIDTH]]
    return model(inputs, training=training)


def layers_with_weights(model: keras.Model) -> list[keras.Layer]:
    """These are one chain from the image to the logits, so their order is the same in every model."""
    return [layer for layer in model.layers if layer.weights]


def count_parameters(model: keras.Model) -> tuple[int, int]:
    """(all parameters, those that do not train)."""
    frozen = sum(int(v.value.shape.num_elements()) for v in model.non_trainable_variables)
    return model.count_params(), frozen


def _dense_block(x, columns, seeds: Iterator[int]):
    for _ in range(LAYERS_PER_BLOCK):
        grown = NarrowConvolution(
            GROWTH, 3, padding="same", data_format="channels_last", kernel_initializer=_he_normal(seeds)
        )(_activate(x, columns))
        x = keras.layers.Concatenate()([x, grown])
    return x


def _transition(x, columns, seeds: Iterator[int], *, number: int):
    x = _convolve(TRANSITION_FILTERS, 1, seeds, decays=True)(_activate(x, columns))
    x = SeededDropout(DROPOUT, number)(x)
    return keras.layers.AveragePooling2D(2, 2, padding="valid", data_format="channels_last")(x)


def _activate(x, columns):
    return keras.layers.ReLU()(FusedBatchNormalization(epsilon=EPSILON)(x, columns))


def _convolve(
    filters: int, size: int, seeds: Iterator[int], *, strides: int = 1, bias: bool = False, decays: bool = False
):
    return keras.layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="same",
        use_bias=bias,
        data_format="channels_last",
        kernel_initializer=_he_normal(seeds),
        kernel_regularizer=keras.regularizers.L2(WEIGHT_DECAY) if decays else None,
    )


def _he_normal(seeds: Iterator[int]) -> keras.initializers.Initializer:
    # Explicit, because Keras's default seeds come from Python's global random numbers.
    return keras.initializers.HeNormal(seed=next(seeds))
