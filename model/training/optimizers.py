"""The optimizer of a training, and the course of its learning rate."""

import keras
import tensorflow as tf

from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.pipeline.errors import UserError


def make_optimizer(training: TrainConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Adam, or AdamW whose decay leaves out biases and batch norm's scales and offsets.

    For float16, whose small gradients would be 0, the loss is scaled, by as much as leaves gradients finite.
    """
    optimizer = _make_adam(training, make_rate(training, steps_per_epoch))
    return keras.optimizers.LossScaleOptimizer(optimizer) if training.precision == "float16" else optimizer


def _make_adam(training: TrainConfig, rate) -> keras.optimizers.Optimizer:
    if training.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    # Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
    optimizer = keras.optimizers.AdamW(rate, weight_decay=training.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def make_rate(
    training: TrainConfig, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """A constant rate, or a cosine to 0, after `warmup_steps` of a linear rise from 0."""
    total = training.epochs * steps_per_epoch
    warmup, rate = training.warmup_steps, training.learning_rate
    if warmup >= total:
        raise UserError(
            "warmup_steps",
            received=warmup,
            expected=f"fewer than the training's {total} steps",
            remedy="Set --warmup_steps or --epochs.",
        )
    if training.schedule == "constant" and not warmup:
        return rate
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else rate,
        decay_steps=total - warmup,
        alpha=1.0 if training.schedule == "constant" else 0.0,  # 1 keeps the rate where it is
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
    )


def clip_gradients(gradients: list, norm: float) -> list:
    """Scales a replica's gradients so that those of the global batch, which are their sum, have at most a norm.

    Called by each replica. Keras would clip each replica's share by itself, which bounds something else.
    """
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync > 1:
        total = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    else:
        total = gradients
    scale = tf.minimum(1.0, norm / tf.linalg.global_norm(total))
    return [gradient * scale for gradient in gradients]
