"""The optimizer, its learning-rate schedule, gradient clipping, and the moving average of the weights."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.pipeline.errors import UserError


def make_optimizer(config: TrainConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Returns Adam, or AdamW without decay of biases and batch norm's scales and offsets.

    For float16, in which small gradients underflow, it scales the loss dynamically.

    Raises:
      UserError: warm-up takes all steps of the training.
    """
    rate = make_schedule(config, steps_per_epoch)
    optimizer: keras.optimizers.Optimizer
    if config.optimizer == "adam":
        optimizer = keras.optimizers.Adam(rate)
    else:
        # Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
        optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return keras.optimizers.LossScaleOptimizer(optimizer) if config.precision == "float16" else optimizer


def make_schedule(
    config: TrainConfig, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Returns a constant rate or a cosine decay to 0, after a linear warm-up from 0 over `warmup_steps`."""
    total = config.epochs * steps_per_epoch
    warmup, rate = config.warmup_steps, config.learning_rate
    if warmup >= total:
        raise UserError(
            "warmup_steps",
            received=warmup,
            expected=f"fewer than the training's {total} steps",
            remedy="Set --warmup_steps or --epochs.",
        )
    if config.schedule == "constant" and not warmup:
        return rate
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else rate,
        decay_steps=total - warmup,
        alpha=1.0 if config.schedule == "constant" else 0.0,  # 1 keeps the rate at its peak
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
    )


def clip_gradients(gradients: list[tf.Tensor], norm: float) -> list[tf.Tensor]:
    """Scales a replica's gradients so that the global batch's have a global norm of at most `norm`.

    The global batch's gradients are the sum over replicas. Keras would clip each replica's share by itself.

    Args:
      gradients: Float tensors of this replica, of any shapes.
      norm: Maximum global norm; the same on every replica.

    Returns:
      The scaled gradients, same shapes and dtypes.
    """
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync > 1:
        total = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    else:
        total = gradients
    scale = tf.minimum(1.0, norm / tf.linalg.global_norm(total))
    return [gradient * scale for gradient in gradients]


class MovingAverage(tf.Module):
    """The exponential moving average of all variables of a model, batch norm's statistics included.

    tf.train.Checkpoint saves it; the names of its attributes are part of that format.
    """

    def __init__(self, model: keras.Model, decay: float):
        """Starts from the model's values; call it in the strategy's scope. A decay of 0 keeps no average."""
        super().__init__()
        self._decay = decay
        self._live = [variable.value for variable in model.variables] if decay else []
        self._averages = [tf.Variable(value, trainable=False) for value in self._live]

    @property
    def values(self) -> list[tf.Variable]:
        """The averages, in the order of the model's variables."""
        return list(self._averages)

    def update(self, step: tf.Tensor) -> None:
        """Moves the average towards the values after `step` steps, an integer scalar; not for replica code.

        As in tf.train.ExponentialMovingAverage the decay is at most (1 + step) / (10 + step), or the initial
        values would dominate the first steps.
        """
        if not self._decay:
            return
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(self._decay, (1 + step) / (10 + step))
        for average, live in zip(self._averages, self._live, strict=True):
            # In this form equal values stay equal to the bit.
            average.assign(average + (tf.convert_to_tensor(live) - average) * (1 - decay))

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block the model has the averaged values; after it, its own again, to the bit."""
        own = [tf.identity(live) for live in self._live]
        _assign(self._live, self._averages)
        try:
            yield
        finally:
            _assign(self._live, own)


def _assign(variables: list[tf.Variable], values: list[tf.Variable | tf.Tensor]) -> None:
    """Sets variables to values, of any shapes and dtypes."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(tf.convert_to_tensor(value))
