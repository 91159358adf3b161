"""A second head in training only: its CTC loss reaches the lower half of the network without the upper one.

Lee & Watanabe, "Intermediate Loss Regularization for CTC-based Speech Recognition", ICASSP 2021.
"""

import keras
import tensorflow as tf

from densenet_ocr.model.network.densenet import BLOCKS, EPSILON, HEAD
from densenet_ocr.model.network.layers import FusedBatchNormalization, LineColumns

SECOND_HEAD = "second_logits"
_PREFIX = "second_"  # of the names of its layers

# Seeds of the network's own initial values are lower.
_FIRST_SEED = 512


def add_second_head(model: keras.Model, *, seed: int = 0) -> keras.Model:
    """Adds a head after the second dense block, with the frames of the first head.

    Args:
      model: A network of build_densenet. It stays as it is; its layers and weights are in both.
      seed: Seed of the new initial weights.

    Returns:
      A model with the same inputs and two outputs, float32 [B, T, classes] each: the logits of both heads.
    """
    x, columns = _find_second_block(model)
    x = FusedBatchNormalization(epsilon=EPSILON, name=f"{_PREFIX}normalization")(x, columns)
    x = keras.layers.ReLU(name=f"{_PREFIX}relu")(x)
    # As the second transition pools, so that both heads have the same frames.
    *_, transition = (layer for layer in model.layers if isinstance(layer, keras.layers.AveragePooling2D))
    x = keras.layers.AveragePooling2D(
        transition.pool_size, padding="valid", data_format="channels_last", name=f"{_PREFIX}pool"
    )(x)
    x = keras.layers.Permute((2, 1, 3), name=f"{_PREFIX}columns")(x)  # [B, frames, rows, channels]
    x = keras.layers.Reshape((-1, x.shape[2] * x.shape[3]), name=f"{_PREFIX}frames")(x)
    head = keras.layers.Dense(
        model.output.shape[-1],
        kernel_initializer=keras.initializers.HeNormal(seed=(seed << 10) + _FIRST_SEED),
        name=SECOND_HEAD,
        dtype="float32",
    )
    return keras.Model(model.input, [model.output, head(x)], name=model.name)


def is_trunk(layer: keras.Layer) -> bool:
    """Returns whether a layer is below all heads of its network, to which a second head belongs as a whole."""
    return layer.name != HEAD and not layer.name.startswith(_PREFIX)


def split_logits(outputs: tf.Tensor | list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Returns the logits of both heads, float32 [B, T, classes] each, None without a second one."""
    if not isinstance(outputs, list):
        return outputs, None
    logits, second_logits = outputs
    return logits, second_logits


def _find_second_block(model: keras.Model) -> tuple[keras.KerasTensor, keras.KerasTensor | None]:
    """The features after the second dense block, [B, H, W, C], and their columns, where the model has them."""
    grown = [layer for layer in model.layers if isinstance(layer, keras.layers.Concatenate)]
    columns = [layer for layer in model.layers if isinstance(layer, LineColumns)]
    return grown[2 * len(grown) // BLOCKS - 1].output, columns[1].output if columns else None
