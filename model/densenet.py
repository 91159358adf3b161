"""The notebook's network, to the parameter: a DenseNet over the line, one vector of logits a frame.

5990 classes at height 32 make 4,896,742 parameters, of which 7,488 (moving statistics) do not train. The order
of layers, their sizes and their initial values are those of the notebook's densenet.py (2018).
"""

import itertools
from collections.abc import Iterator

import keras

from model.layers import FusedBatchNormalization, NarrowConvolution, SeededDropout
from pipeline.frames import count_frames

BLOCKS = 3
LAYERS_PER_BLOCK = 8
GROWTH = 8
STEM_FILTERS = 64
TRANSITION_FILTERS = 128
DROPOUT = 0.2
WEIGHT_DECAY = 1e-4
EPSILON = 1.1e-5


def build_densenet(*, height: int, classes: int, seed: int = 0) -> keras.Model:
    """float32 normalised lines [B, height, W, 1] -> logits [B, (W+1)//8, classes], the blank last.

    The initial weights are a function of `seed` alone.
    """
    seeds = itertools.count(seed << 10)
    inputs = keras.Input((height, None, 1), name="image")
    x = _convolve(STEM_FILTERS, 5, seeds, strides=2, decays=True)(inputs)
    for block in range(BLOCKS):
        if block:
            x = _transition(x, seeds, number=block)
        x = _dense_block(x, seeds)
    x = _activate(x)
    x = keras.layers.Permute((2, 1, 3))(x)  # [B, frames, rows, channels]
    x = keras.layers.Reshape((-1, count_frames(height) * x.shape[-1]))(x)  # a column: row, then channel
    # float32 under any dtype policy: a softmax over thousands of classes takes all of its digits.
    head = keras.layers.Dense(classes, kernel_initializer=_he_normal(seeds), name="logits", dtype="float32")
    return keras.Model(inputs, head(x), name="densenet_ctc")


def count_parameters(model: keras.Model) -> tuple[int, int]:
    """(all parameters, those that do not train)."""
    frozen = sum(int(v.value.shape.num_elements()) for v in model.non_trainable_variables)
    return model.count_params(), frozen


def _dense_block(x, seeds: Iterator[int]):
    for _ in range(LAYERS_PER_BLOCK):
        grown = NarrowConvolution(
            GROWTH, 3, padding="same", data_format="channels_last", kernel_initializer=_he_normal(seeds)
        )(_activate(x))
        x = keras.layers.Concatenate()([x, grown])
    return x


def _transition(x, seeds: Iterator[int], *, number: int):
    x = _convolve(TRANSITION_FILTERS, 1, seeds, decays=True)(_activate(x))
    x = SeededDropout(DROPOUT, number)(x)
    return keras.layers.AveragePooling2D(2, 2, padding="valid", data_format="channels_last")(x)


def _activate(x):
    return keras.layers.ReLU()(FusedBatchNormalization(epsilon=EPSILON)(x))


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
