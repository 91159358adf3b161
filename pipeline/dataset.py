"""Records -> batches: the training input and the evaluation input, two lists that read from top to bottom."""

from collections.abc import Callable

import tensorflow as tf

from densenet_ocr.pipeline import schema, storage
from densenet_ocr.pipeline.augmentation.augment import augment
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.buckets import Bucket, make_buckets
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError

# Shards read side by side, and the lines of one before the next one's: enough to mix them, few enough to keep
# buffers small.
OPEN_SHARDS, LINES_AT_A_TIME = 4, 32


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
) -> tf.data.Dataset:
    """Endless batches (see schema.parse) that hold every line of the split once a pass.

    A pure function of (seed, step): the stream from `first_step` equals the tail of the stream from 0. Lines of
    one width come in full batches that may span two passes, as those of the notebook's random_uniform_num do.
    Lines of any width come in buckets (see make_buckets), which a pass ends with incomplete batches, filled up
    as in `evaluation_input`. Without `normalised` uint8 records stay uint8, unless something augments them.
    """
    paths, buckets = _find_shards(folder, info, split), find_buckets(info, split, batch_size, replicas)

    def one_pass(number):
        return _one_pass(paths, tf.constant(seed, tf.int64), number, shuffle_buffer)

    batch = _batch_by_width if not info.geometry.width else _batch_across_passes
    augments = augmentation is not None and augmentation.ops
    dataset = batch(one_pass, buckets, first_step)
    # One parse for a batch costs a fifth of a parse for each line.
    dataset = dataset.map(_parser(info, buckets, bool(normalised or augments)), tf.data.AUTOTUNE)
    if augments:
        steps = tf.data.Dataset.counter(first_step)
        dataset = tf.data.Dataset.zip(dataset, steps).map(_augmenter(seed, augmentation), tf.data.AUTOTUNE)
    if not info.geometry.width:
        dataset = dataset.map(_filler(buckets), tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def evaluation_input(
    *,
    folder: str,
    info: DatasetInfo,
    split: str,
    batch_size: int,
    replicas: int = 1,
    normalised: bool = True,
) -> tf.data.Dataset:
    """Every line of the split exactly once, in full batches (see schema.parse); in order within a bucket.

    Rows that fill up the last batch have weight 0 and one dummy label, without which CTC refuses a row.
    """
    paths, buckets = _find_shards(folder, info, split), find_buckets(info, split, batch_size, replicas)
    dataset = _group(tf.data.TFRecordDataset(paths), buckets)
    dataset = dataset.map(_parser(info, buckets, normalised), tf.data.AUTOTUNE)
    dataset = dataset.map(_filler(buckets), tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def read_first_lines(*, folder: str, info: DatasetInfo, split: str, count: int) -> list[schema.Record]:
    """The split's first lines in order, as they are stored."""
    records = tf.data.TFRecordDataset(_find_shards(folder, info, split)).take(count)
    return [schema.decode(record, info.image_encoding) for record in records.as_numpy_iterator()]


def find_buckets(info: DatasetInfo, split: str, batch_size: int, replicas: int = 1) -> tuple[Bucket, ...]:
    """The split's buckets of lines; one where all lines are of one width."""
    chosen = info.find_split(split)
    if info.geometry.width:
        return (Bucket(info.geometry.width, batch_size, chosen.written),)
    widths = {int(width): count for width, count in chosen.statistics["widths"].items()}
    return make_buckets(widths, batch_size=batch_size, replicas=replicas)


def count_steps(info: DatasetInfo, split: str, batch_size: int, replicas: int = 1) -> int:
    """Steps of a pass of `training_input`, as the notebook counts them: full batches, at least one.

    Where lines have any width it is the exact number.
    """
    if info.geometry.width:
        return max(1, info.find_split(split).written // batch_size)
    return max(1, sum(bucket.batches for bucket in find_buckets(info, split, batch_size, replicas)))


def pad_batch(batch: dict, batch_size: int) -> dict:
    """Fills a batch up to `batch_size` rows with rows of weight 0."""
    missing = batch_size - tf.shape(batch[schema.WEIGHT])[0]
    longest = tf.shape(batch[schema.LABEL])[1]
    one_class = tf.concat([[0], tf.fill([longest - 1], schema.NO_CLASS)], axis=0)
    row = {
        schema.IMAGE: tf.zeros_like(batch[schema.IMAGE][0]),
        schema.LABEL: one_class,
        schema.LABEL_LENGTH: tf.constant(1),
        schema.FRAMES: tf.reduce_max(batch[schema.FRAMES]),
        schema.WIDTH: tf.constant(0),
        schema.WEIGHT: tf.constant(0.0),
        schema.KEY: tf.constant(""),
    }
    return {name: _append_rows(tensor, row[name], missing) for name, tensor in batch.items()}


def _one_pass(paths: list[str], seed: int, number, shuffle_buffer: int) -> tf.data.Dataset:
    shards = tf.random.experimental.stateless_shuffle(tf.constant(paths), tf.stack([seed, number]))
    dataset = tf.data.Dataset.from_tensor_slices(shards)
    dataset = dataset.interleave(
        tf.data.TFRecordDataset,
        cycle_length=OPEN_SHARDS,
        block_length=LINES_AT_A_TIME,
        num_parallel_calls=OPEN_SHARDS,
        deterministic=True,
    )
    return _shuffle(dataset, shuffle_buffer, seed, number)


def _shuffle(dataset: tf.data.Dataset, buffer: int, seed, number) -> tf.data.Dataset:
    """Dataset.shuffle by (seed, pass) alone; the method would mix in whatever tf.random.set_seed was told."""
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


# The three below give batches of records, each with the number of its bucket.
def _batch_across_passes(one_pass: Callable, buckets: tuple[Bucket, ...], first_step: int) -> tf.data.Dataset:
    (bucket,) = buckets
    first_pass, skipped = divmod(first_step * bucket.size, bucket.lines)
    dataset = tf.data.Dataset.counter(first_pass).flat_map(one_pass).skip(skipped)
    return _number(dataset.batch(bucket.size, drop_remainder=True), 0)


def _batch_by_width(one_pass: Callable, buckets: tuple[Bucket, ...], first_step: int) -> tf.data.Dataset:
    first_pass, skipped = divmod(first_step, sum(bucket.batches for bucket in buckets))
    passes = tf.data.Dataset.counter(first_pass)
    return passes.flat_map(lambda number: _group(one_pass(number), buckets)).skip(skipped)


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


def _number(dataset: tf.data.Dataset, bucket) -> tf.data.Dataset:
    return dataset.map(lambda records: (records, tf.cast(bucket, tf.int64)))


def _parser(info: DatasetInfo, buckets: tuple[Bucket, ...], normalised: bool) -> Callable:
    widths = [bucket.width for bucket in buckets]
    how = {"geometry": info.geometry, "encoding": info.image_encoding, "normalised": normalised}
    return lambda records, bucket: schema.parse(records, padded_width=tf.constant(widths)[bucket], **how)


def _augmenter(seed: int, augmentation: AugmentConfig) -> Callable:
    def change(batch, step):
        key = tf.stack([seed, tf.cast(step, tf.int32)])
        image = augment(batch[schema.IMAGE], batch[schema.WIDTH], seed=key, augmentation=augmentation)
        return {**batch, schema.IMAGE: image}

    return change


def _filler(buckets: tuple[Bucket, ...]) -> Callable:
    widths, sizes = ([getattr(bucket, name) for bucket in buckets] for name in ("width", "size"))

    def fill(batch):
        width = tf.shape(batch[schema.IMAGE])[2]
        return pad_batch(batch, tf.constant(sizes)[tf.searchsorted(widths, [width])[0]])

    return fill


def _append_rows(tensor, row, count):
    filler = tf.repeat(row[None], count, axis=0)
    return tf.ensure_shape(tf.concat([tensor, filler], axis=0), [None, *tensor.shape[1:]])


def _find_shards(folder: str, info: DatasetInfo, split: str) -> list[str]:
    chosen = info.find_split(split)
    if not chosen.written:
        raise UserError(
            f"split {split!r}",
            received="no lines",
            expected="at least one line",
            remedy=f"See {split}.rejects.tsv in {folder} for why every row was refused.",
        )
    shards = [shard for shard in chosen.shards if shard.records]
    paths = [storage.join(folder, shard.name) for shard in shards]
    for path, shard in zip(paths, shards, strict=True):
        _check_shard(path, shard.bytes)
    return paths


def _check_shard(path: str, size: int) -> None:
    found = storage.size(path) if storage.exists(path) else None
    if found != size:
        raise UserError(
            f"shard {path}",
            received="no such file" if found is None else f"{found} bytes",
            expected=f"{size} bytes, as dataset.json has it",
            remedy="Copy the data set again, or convert the split again with --overwrite.",
        )
