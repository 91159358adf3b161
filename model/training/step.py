"""One step of a training: a global batch in, every replica's weights moved, the mean loss out."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from densenet_ocr.model.network.ctc import ctc_loss
from densenet_ocr.model.network.densenet import call_densenet
from densenet_ocr.model.network.distribution import sum_over_replicas
from densenet_ocr.model.network.layers import dropout_seed
from densenet_ocr.model.training.averages import Averages
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.freezing import hold_trunk
from densenet_ocr.model.training.optimizers import clip_gradients
from densenet_ocr.pipeline import schema


class StepLoss(NamedTuple):
    """The mean CTC loss of a global batch's lines, and how many they are, both float32."""

    mean: tf.Tensor
    lines: tf.Tensor


def make_step(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    strategy: tf.distribute.Strategy,
    training: TrainConfig,
    batch_spec=None,
    averages: Averages | None = None,
) -> Callable:
    """A compiled training step: per-replica batch -> StepLoss of the global batch.

    With the batches' `batch_spec` it is traced once, else again for other lengths of labels, some seconds each.
    Minimised is the sum of their losses, divided by `batch_size` so that every line of a pass has the same
    weight in batches of any size, plus the network's L2 terms; each replica adds its share of both.
    """
    call = _compile(call_densenet) if training.jit_compile else call_densenet

    def step_on_replica(batch):
        with tf.GradientTape() as tape, dropout_seed(_make_key(optimizer, training.seed)):
            losses = ctc_loss(
                logits=call(model, batch, training=True),
                frames=batch[schema.FRAMES],
                label=batch[schema.LABEL],
                label_length=batch[schema.LABEL_LENGTH],
            )
            loss = tf.reduce_sum(losses * batch[schema.WEIGHT])
            regularisation = tf.add_n(model.losses) / strategy.num_replicas_in_sync
            objective = optimizer.scale_loss(loss / training.batch_size + regularisation)
        variables = model.trainable_variables
        gradients = tape.gradient(objective, variables)
        if training.clip_norm:
            scale = getattr(optimizer, "dynamic_scale", 1.0)  # that of scale_loss
            gradients = clip_gradients(gradients, training.clip_norm * scale)
        optimizer.apply(gradients, variables)
        return tf.stack([loss, tf.reduce_sum(batch[schema.WEIGHT])])

    def step(batch):
        with hold_trunk(model, optimizer.iterations, training.freeze_trunk_steps):
            loss, lines = tf.unstack(sum_over_replicas(strategy, strategy.run(step_on_replica, args=(batch,))))
        if averages:
            averages.update(optimizer.iterations)
        return StepLoss(loss / lines, lines)

    return tf.function(step, input_signature=[batch_spec] if batch_spec else None)


def _compile(call: Callable) -> Callable:
    """call_densenet through XLA, which takes no strings, such as a batch's keys."""
    compiled = tf.function(call, jit_compile=True)
    names = (schema.IMAGE, schema.WIDTH)
    return lambda model, batch, training: compiled(
        model, {name: batch[name] for name in names}, training=training
    )


def _make_key(optimizer, seed: int):
    """The seed of this step's dropout on this replica, int32 [2]."""
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    key = tf.stack([seed, tf.cast(optimizer.iterations, tf.int32)])
    return tf.random.experimental.stateless_fold_in(key, tf.cast(replica, tf.int32))
