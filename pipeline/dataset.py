"""Records -> batches: training_input and evaluation_input, each read from top to bottom."""

from collections.abc import Callable

import tensorflow as tf

from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.batches import WHOLE, BatchMaker, Share, make_relabeller
from densenet_ocr.pipeline.buckets import Bucket, make_buckets
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.tfrecord.shards import Shards, reading_errors

# Shards read in parallel, and consecutive lines of each: enough to mix them, with small buffers.
OPEN_SHARDS, LINES_AT_A_TIME = 4, 32

PassReader = Callable[[tf.Tensor], tf.data.Dataset]  # the number of a pass, int64 [] -> its records


def training_input(
    *,
    folder: str,
    info: DatasetInfo,
    split: str,
    batch_size: int,
    seed: int,
    shuffle_buffer: int = 4096,
    first_step: int = 0,
    replicas: int = 1,
    augmentation: AugmentConfig | None = None,
    normalised: bool = True,
    share: Share = WHOLE,
    cache: str | None = None,
) -> tf.data.Dataset:
    """Returns endless shuffled batches that contain every line of the split once per pass.

        info = load_dataset_info("data")
        batches = training_input(folder="data", info=info, split="train", batch_size=32, seed=0)
        batch = next(iter(batches))  # batch["image"]: float32 [32, 32, 280, 1]

    The stream is a pure function of (seed, step): the stream from `first_step` equals the tail of the stream
    from step 0. Lines of one width come in full batches that may span two passes, as in the notebook's
    random_uniform_num. Lines of any width come in buckets (see buckets.make_buckets); the last batches of a
    pass may have filler rows, see batches.pad_batch.

    Args:
      folder: The data set, a local folder or a URL. Errors of a URL while it is read: see reading_errors.
      info: Its metadata, from load_dataset_info.
      split: Name of the split.
      batch_size: Lines of a batch over all replicas; for lines of any width the mean over batches, about.
      seed: Seed of the shuffle and of the augmentation.
      shuffle_buffer: Records that are shuffled in memory; shards are shuffled as well.
      first_step: Number of batches to skip, to resume a training.
      replicas: For lines of any width, batch sizes are multiples of it.
      augmentation: Random operations on the lines; None for none.
      normalised: Whether images are always float32; else uint8 records stay uint8, unless they are augmented.
      share: The part of each batch to return. The parts of all processes are, one after the other, the batches
        of a single process. Records of other parts are read, as the shuffle needs them, but not parsed.
      cache: Local folder that keeps copies of the shards of a `folder` behind a URL, see CachedCopies.

    Returns:
      Batches of the tensors that schema.parse returns.

    Raises:
      UserError: the split is missing or empty, or a shard is missing or truncated.
    """
    shards, buckets = Shards(folder, info, split, cache), find_buckets(info, split, batch_size, replicas)
    read_pass = make_pass_reader(shards, seed, shuffle_buffer)
    batch_passes = _batch_across_passes if info.geometry.width else _batch_by_width
    maker = BatchMaker(
        info=info,
        buckets=buckets,
        share=share,
        normalised=normalised,
        augmentation=augmentation or AugmentConfig(),
        seed=seed,
        pads=not info.geometry.width,
    )
    return maker.make_batches(batch_passes(read_pass, buckets, first_step), first_step)


def evaluation_input(
    *,
    folder: str,
    info: DatasetInfo,
    split: str,
    batch_size: int,
    replicas: int = 1,
    normalised: bool = True,
    share: Share = WHOLE,
    cache: str | None = None,
    charset: Charset | None = None,
) -> tf.data.Dataset:
    """Returns batches that contain every line of the split exactly once, in order within a bucket.

        info = load_dataset_info("data")
        for batch in evaluation_input(folder="data", info=info, split="test", batch_size=64):
            lines = batch["weight"] > 0  # the last batch of a bucket is filled up with rows of weight 0

    Args:
      folder: The data set, a local folder or a URL. Errors of a URL while it is read: see reading_errors.
      info: Its metadata, from load_dataset_info.
      split: Name of the split.
      batch_size: Lines of a batch over all replicas; for lines of any width the mean over batches, about.
      replicas: For lines of any width, batch sizes are multiples of it.
      normalised: Whether images are always float32; else uint8 records stay uint8.
      share: The part of each batch to return, as in `training_input`.
      cache: Local folder that keeps copies of the shards of a `folder` behind a URL, see CachedCopies.
      charset: Charset whose classes the labels have; by default that of the data set. It has its characters.

    Returns:
      Full batches of the tensors that schema.parse returns; filler rows as in batches.pad_batch.

    Raises:
      UserError: the split is missing or empty, or a shard is missing or truncated.
    """
    shards, buckets = Shards(folder, info, split, cache), find_buckets(info, split, batch_size, replicas)
    relabel = make_relabeller([info.charset], charset or info.charset)
    maker = BatchMaker(info=info, buckets=buckets, share=share, normalised=normalised, relabel=relabel)
    dataset = maker.make_batches(_group(read_in_order(shards), buckets))
    # Keras, and progress bars, take the number of batches from it.
    count = sum(bucket.batches for bucket in buckets)
    return dataset.apply(tf.data.experimental.assert_cardinality(count))


def read_first_lines(
    *, folder: str, info: DatasetInfo, split: str, count: int, cache: str | None = None
) -> list[schema.Record]:
    """Returns the first `count` lines of a split in order, as stored."""
    records = read_in_order(Shards(folder, info, split, cache)).take(count)
    with reading_errors():
        return [schema.decode(record, info.image_encoding) for record in records.as_numpy_iterator()]


def find_buckets(info: DatasetInfo, split: str, batch_size: int, replicas: int = 1) -> tuple[Bucket, ...]:
    """Returns the buckets of a split, narrowest first; one bucket if all lines have one width."""
    chosen = info.find_split(split)
    if info.geometry.width:
        return (Bucket(info.geometry.width, batch_size, chosen.written),)
    widths = {int(width): count for width, count in chosen.statistics["widths"].items()}
    return make_buckets(widths, batch_size=batch_size, replicas=replicas)


def count_steps(info: DatasetInfo, split: str, batch_size: int, replicas: int = 1) -> int:
    """Returns the steps of an epoch of `training_input`, at least one.

    For lines of one width these are full batches, as in the notebook; for any width all batches of a pass.
    """
    if info.geometry.width:
        return max(1, info.find_split(split).written // batch_size)
    return max(1, sum(bucket.batches for bucket in find_buckets(info, split, batch_size, replicas)))


def read_in_order(shards: Shards) -> tf.data.Dataset:
    """Returns the records, string [], of a split in order."""
    return shards.fetch(tf.data.Dataset.from_tensor_slices(shards.paths)).flat_map(shards.read)


def make_pass_reader(shards: Shards, seed: int, shuffle_buffer: int) -> PassReader:
    """Returns a function from the number of a pass to its records in the order of (seed, number)."""
    return lambda number: _read_pass(shards, tf.constant(seed, tf.int64), number, shuffle_buffer)


def read_lines(read_pass: PassReader, *, lines: int, first_line: int) -> tf.data.Dataset:
    """Returns the endless records, string [], of all passes of `lines` lines each, from `first_line` on."""
    first_pass, skipped = divmod(first_line, lines)
    return tf.data.Dataset.counter(first_pass).flat_map(read_pass).skip(skipped)


def _read_pass(shards: Shards, seed: tf.Tensor, number: tf.Tensor, shuffle_buffer: int) -> tf.data.Dataset:
    """Returns the records, string [], of one pass in the order of (seed, number), int64 scalars."""
    paths = tf.random.experimental.stateless_shuffle(tf.constant(shards.paths), tf.stack([seed, number]))
    dataset = shards.fetch(tf.data.Dataset.from_tensor_slices(paths))
    dataset = dataset.interleave(
        shards.read,
        cycle_length=OPEN_SHARDS,
        block_length=LINES_AT_A_TIME,
        num_parallel_calls=OPEN_SHARDS,
        deterministic=True,
    )
    return _shuffle(dataset, shuffle_buffer, seed, number)


def _shuffle(dataset: tf.data.Dataset, buffer: int, seed: tf.Tensor, number: tf.Tensor) -> tf.data.Dataset:
    """Dataset.shuffle by (seed, pass) only; the method itself would add TensorFlow's global seed."""
    variant = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(dataset),
        buffer_size=tf.constant(buffer, tf.int64),
        seed=seed,
        seed2=number + 1,  # two zeros would mean a random seed
        output_types=[tf.string],
        output_shapes=[[]],
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(variant, dataset.element_spec)


# The next three functions return batches of records, string [B], with the index of their bucket, int64 [].
def _batch_across_passes(
    read_pass: PassReader, buckets: tuple[Bucket, ...], first_step: int
) -> tf.data.Dataset:
    (bucket,) = buckets
    dataset = read_lines(read_pass, lines=bucket.lines, first_line=first_step * bucket.size)
    return _number(dataset.batch(bucket.size, drop_remainder=True), 0)


def _batch_by_width(read_pass: PassReader, buckets: tuple[Bucket, ...], first_step: int) -> tf.data.Dataset:
    first_pass, skipped = divmod(first_step, sum(bucket.batches for bucket in buckets))
    passes = tf.data.Dataset.counter(first_pass)
    return passes.flat_map(lambda number: _group(read_pass(number), buckets)).skip(skipped)


def _group(dataset: tf.data.Dataset, buckets: tuple[Bucket, ...]) -> tf.data.Dataset:
    if len(buckets) == 1:
        return _number(dataset.batch(buckets[0].size), 0)
    widths = tf.constant([bucket.width for bucket in buckets], tf.int64)
    sizes = tf.constant([bucket.size for bucket in buckets], tf.int64)
    return dataset.group_by_window(
        key_func=lambda record: tf.searchsorted(widths, [schema.read_width(record)], out_type=tf.int64)[0],
        reduce_func=lambda key, window: _number(window.batch(sizes[key]), key),
        window_size_func=lambda key: sizes[key],
    )


def _number(dataset: tf.data.Dataset, bucket: tf.Tensor | int) -> tf.data.Dataset:
    return dataset.map(lambda records: (records, tf.cast(bucket, tf.int64)))
