"""Distribution: the strategy, and how global batches are split among its replicas."""

import functools

import tensorflow as tf

from densenet_ocr.pipeline.batches import WHOLE, Share
from densenet_ocr.pipeline.errors import UserError


@functools.cache  # a second strategy would reuse the keys of the first one's collective operations
def choose_strategy(name: str) -> tf.distribute.Strategy:
    """Returns a strategy.

    Args:
      name: `one` device; `mirrored` over all GPUs, or over the logical CPU devices without any; `auto`
        mirrors over several GPUs and takes one device otherwise.

    Raises:
      UserError: there is nothing to mirror over, neither a GPU nor a second logical CPU device.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "one" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    if not gpus and len(devices) < 2:
        raise UserError(
            "strategy",
            received="'mirrored', and TensorFlow finds no GPU",
            expected="GPUs to mirror over",
            remedy="Check nvidia-smi and the CUDA packages (see BUILD.md), or set --strategy=one.",
        )
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


def distribute(
    dataset: tf.data.Dataset, strategy: tf.distribute.Strategy, share: Share = WHOLE
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """Splits the batches of a data set, this process's share of the global ones, among its replicas."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = dataset.with_options(options)
    if share.count == 1:
        return strategy.experimental_distribute_dataset(dataset)
    replicas = strategy.num_replicas_in_sync // share.count
    if replicas == 1:
        # As it is: a distributed data set would ask all workers for each batch whether they have one more.
        return dataset
    parts = dataset.flat_map(lambda batch: tf.data.Dataset.from_tensor_slices(_split(batch, replicas)))
    return strategy.distribute_datasets_from_function(lambda _: parts)


def _split(batch: dict[str, tf.Tensor], parts: int) -> dict[str, tf.Tensor]:
    """Tensors [B, ...] as [parts, B / parts, ...]."""
    return {
        name: tf.reshape(tensor, tf.concat([[parts, -1], tf.shape(tensor)[1:]], axis=0))
        for name, tensor in batch.items()
    }


def sum_over_replicas(
    strategy: tf.distribute.Strategy, values: tf.Tensor | tf.distribute.DistributedValues
) -> tf.Tensor:
    """Sums a per-replica tensor, of any shape and dtype, over the replicas."""
    return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)
