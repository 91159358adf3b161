"""One training step: updates the weights on every replica and returns the global batch's loss."""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from densenet_ocr.model.network.ctc import compute_losses
from densenet_ocr.model.network.densenet import call_densenet
from densenet_ocr.model.network.distribution import sum_over_replicas
from densenet_ocr.model.network.layers import dropout_seed
from densenet_ocr.model.network.second_head import is_trunk, split_logits
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.optimizers import MovingAverage, clip_gradients
from densenet_ocr.pipeline import schema

Batch = dict[str, tf.Tensor]  # of pipeline.dataset; on several replicas its values are per-replica tensors


class StepLoss(NamedTuple):
    """Loss of a step.

    Attributes:
      mean: Mean CTC loss of the global batch's lines, float32 scalar.
      lines: Number of these lines, float32 scalar.
    """

    mean: tf.Tensor
    lines: tf.Tensor


def make_step(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    strategy: tf.distribute.Strategy,
    config: TrainConfig,
    batch_spec: Any = None,
    average: MovingAverage | None = None,
) -> Callable[[Batch], StepLoss]:
    """Returns the compiled training step, which takes a distributed batch of pipeline.dataset.

    The objective is the sum of the lines' CTC losses divided by `config.batch_size`, so that each line has the
    same weight in batches of any size, plus the network's L2 terms. Each replica adds its share of both. Losses
    of a second head count `config.second_head` times; the loss that the step returns is without them.

    Args:
      model: Network, with a second head or without, made in the strategy's scope, as is the optimizer.
      optimizer: Optimizer, built.
      strategy: Strategy that runs the step.
      config: Training configuration.
      batch_spec: Element spec of the batches. With it the step is traced once, without it again for each new
        padded length of labels, which takes seconds.
      average: Moving average to update after the step.
    """
    call = _compile(call_densenet) if config.jit_compile else call_densenet

    def step_on_replica(batch: Batch) -> tf.Tensor:
        with tf.GradientTape() as tape, dropout_seed(_make_key(optimizer, config.seed)):
            logits, second_logits = split_logits(call(model, batch, training=True))
            total = loss = _sum_losses(logits, batch)
            if second_logits is not None:
                total = loss + config.second_head * _sum_losses(second_logits, batch)
            regularisation = tf.add_n(model.losses) / strategy.num_replicas_in_sync
            objective = optimizer.scale_loss(total / config.batch_size + regularisation)
        variables = model.trainable_variables
        gradients = tape.gradient(objective, variables)
        if config.clip_norm:
            scale = getattr(optimizer, "dynamic_scale", 1.0)  # that of scale_loss
            gradients = clip_gradients(gradients, config.clip_norm * scale)
        optimizer.apply(gradients, variables)
        average_statistics(model)
        return tf.stack([loss, tf.reduce_sum(batch[schema.WEIGHT])])

    def step(batch: Batch) -> StepLoss:
        with freeze_trunk(model, optimizer.iterations, config.freeze_trunk_steps):
            loss, lines = tf.unstack(sum_over_replicas(strategy, strategy.run(step_on_replica, args=(batch,))))
        if average:
            average.update(optimizer.iterations)
        return StepLoss(loss / lines, lines)

    return tf.function(step, input_signature=[batch_spec] if batch_spec else None, autograph=False)


def _sum_losses(logits: tf.Tensor, batch: Batch) -> tf.Tensor:
    """The sum of the lines' CTC losses, float32 scalar, by logits, float32 [B, T, classes]."""
    return tf.reduce_sum(compute_losses(logits, batch) * batch[schema.WEIGHT])


def average_statistics(model: keras.Model) -> None:
    """Gives each replica the mean of all replicas' batch norm statistics, in one all-reduce; for replica code.

    Each replica moves its statistics by its own lines. With their mean all replicas have equal variables, so a
    checkpoint is that of every replica. Nothing changes on a single replica.
    """
    replica = tf.distribute.get_replica_context()
    statistics = [v for v in model.non_trainable_variables if v.name in ("moving_mean", "moving_variance")]
    if replica.num_replicas_in_sync == 1 or not statistics:
        return
    flat = tf.concat([tf.reshape(tf.convert_to_tensor(variable), [-1]) for variable in statistics], axis=0)
    mean = replica.all_reduce(tf.distribute.ReduceOp.MEAN, flat)
    parts = tf.split(mean, [math.prod(variable.shape) for variable in statistics])
    for variable, part in zip(statistics, parts, strict=True):
        variable.assign(tf.reshape(part, variable.shape))


@contextlib.contextmanager
def freeze_trunk(model: keras.Model, iterations: tf.Variable, steps: int) -> Iterator[None]:
    """Keeps the trainable weights of all layers but the heads in one of the first `steps` steps.

    Every update of these weights (gradients, L2 terms, AdamW's decay) is undone after the step. Batch norm's
    moving statistics still adapt to the new data. The optimizer's averages of gradients are still updated:
    Adam corrects the bias of averages that start at 0 by the count of all steps, so a trunk that joined later
    with empty averages would take first steps more than six times too long.

    Args:
      model: Network whose last layer is named HEAD.
      iterations: Number of steps before this one, an integer scalar, as optimizers count.
      steps: Number of first steps that keep the trunk; 0 never keeps it.
    """
    if not steps:
        yield
        return
    frozen = tf.convert_to_tensor(iterations) < steps
    trunk = [v.value for layer in model.layers if is_trunk(layer) for v in layer.trainable_variables]
    before = [tf.identity(variable) for variable in trunk]
    yield
    for variable, value in zip(trunk, before, strict=True):
        variable.assign(tf.where(frozen, value, tf.convert_to_tensor(variable)))


def _compile(call: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Returns call_densenet through XLA, to float32 [B, T, classes]; it takes no strings, such as keys."""
    compiled = tf.function(call, jit_compile=True, autograph=False)
    names = (schema.IMAGE, schema.WIDTH)
    return lambda model, batch, training: compiled(
        model, {name: batch[name] for name in names}, training=training
    )


def _make_key(optimizer: keras.optimizers.Optimizer, seed: int) -> tf.Tensor:
    """Returns the seed of this step's dropout on this replica, int32 [2]."""
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    key = tf.stack([seed, tf.cast(optimizer.iterations, tf.int32)])
    return tf.random.experimental.stateless_fold_in(key, tf.cast(replica, tf.int32))
