"""Replicas: which strategy trains, and how global batches reach them."""

import functools

import tensorflow as tf

from densenet_ocr.pipeline.errors import UserError


@functools.cache  # a second one would use the keys of the first one's collective operations again
def choose_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy of this name: `auto` mirrors over several GPUs, else takes one device.

    `mirrored` takes all GPUs, and the logical CPU devices where there is none.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "one" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def check_batch_size(batch_size: int, strategy: tf.distribute.Strategy) -> None:
    """Raises UserError where the replicas cannot share a global batch evenly."""
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise UserError(
            "batch_size",
            received=batch_size,
            expected=f"a multiple of the {replicas} replicas, which share each batch",
            remedy=f"Set --batch_size={batch_size // replicas * replicas + replicas}.",
        )


def distribute(dataset: tf.data.Dataset, strategy: tf.distribute.Strategy):
    """The data set of global batches as one of per-replica batches, each an equal part."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return strategy.experimental_distribute_dataset(dataset.with_options(options))


def sum_over_replicas(strategy: tf.distribute.Strategy, values):
    """The sum of a per-replica tensor."""
    return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)
