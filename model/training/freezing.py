"""The trunk, which is all of the network before its last layer, held still while a new last layer settles."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from densenet_ocr.model.network.densenet import HEAD


@contextlib.contextmanager
def hold_trunk(model: keras.Model, iterations, steps: int) -> Iterator[None]:
    """Around one of the first `steps` steps, outside of replicas: the trunk's weights stay, to the bit.

    `iterations` counts the steps before this one, as optimizers do. Whatever a step does to the trunk's
    trainable weights (gradients, L2 terms, AdamW's decay) is undone after it. Batch norm's moving statistics
    go on, and become the new data's. So do the optimizer's averages of gradients: Adam makes up for averages
    that begin at 0 by the count of all steps, so a trunk that joined with empty ones would at first take steps
    more than six times too long.
    """
    if not steps:
        yield
        return
    held = tf.convert_to_tensor(iterations) < steps
    trunk = [v.value for layer in model.layers if layer.name != HEAD for v in layer.trainable_variables]
    before = [tf.identity(variable) for variable in trunk]
    yield
    for variable, value in zip(trunk, before, strict=True):
        variable.assign(tf.where(held, value, tf.convert_to_tensor(variable)))
