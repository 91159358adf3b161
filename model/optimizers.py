"""The optimizer of a training, and the course of its learning rate."""

import keras

from model.config import Training
from pipeline.errors import UserError


def make_optimizer(training: Training, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Adam at a constant rate or along a cosine to 0, after `warmup_steps` of a linear rise from 0."""
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
        return keras.optimizers.Adam(rate)
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate,
            decay_steps=total - warmup,
            alpha=1.0 if training.schedule == "constant" else 0.0,  # 1 keeps the rate where it is
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    )
