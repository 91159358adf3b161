"""The exponential moving average of a training's weights, which reads better than the last step's weights."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf


class Averages(tf.Module):
    """The averages of all variables of a model, moving statistics included; tf.train.Checkpoint keeps them."""

    def __init__(self, model: keras.Model, decay: float):
        """Begins with the model's values; call it in the strategy's scope. A decay of 0 keeps no averages."""
        super().__init__()
        self._decay = decay
        self._live = [variable.value for variable in model.variables] if decay else []
        self._averages = [tf.Variable(value, trainable=False) for value in self._live]

    def update(self, step) -> None:
        """Moves the averages towards the values after `step` steps; called outside of replicas.

        As in tf.train.ExponentialMovingAverage the first steps count more, or the initial values would stay for
        long: the decay is at most (1 + step) / (10 + step).
        """
        if not self._decay:
            return
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(self._decay, (1 + step) / (10 + step))
        for average, live in zip(self._averages, self._live, strict=True):
            # In this form equal values stay equal to the bit.
            average.assign(average + (tf.convert_to_tensor(live) - average) * (1 - decay))

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this block the model has the averages for values; after it, its own again, to the bit."""
        own = [tf.identity(live) for live in self._live]
        _assign(self._live, self._averages)
        try:
            yield
        finally:
            _assign(self._live, own)


def _assign(variables: list, values: list) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(tf.convert_to_tensor(value))
