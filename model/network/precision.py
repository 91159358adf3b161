"""The dtype that the network computes in; its weights, and all from the logits on, are always float32."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf
from absl import logging

# Keras's policies, by --precision.
_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def warn_if_slow(precision: str) -> None:
    """Warns of a 16-bit precision on a CPU.

    Steps of 16 lines of 32x280 took 1.5 seconds of CPU time with float32, 2.8 with bfloat16, 10.0 with float16.
    """
    if precision != "float32" and not tf.config.list_logical_devices("GPU"):
        logging.warning(
            "--precision=%s: TensorFlow finds no GPU; on CPUs training takes two to seven times as long as "
            "with float32",
            precision,
        )


@contextlib.contextmanager
def use_precision(precision: str) -> Iterator[None]:
    """Makes layers that are built in this block compute in `precision`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(_POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
