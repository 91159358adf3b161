"""Records -> batches: the training input and the evaluation input, two lists that read from top to bottom."""

import tensorflow as tf

from pipeline import schema, storage
from pipeline.dataset_info import DatasetInfo
from pipeline.errors import UserError

# Shards read side by side: enough to mix their lines, few enough to keep buffers small.
OPEN_SHARDS = 4


def training_input(
    *,
    folder: str,
    info: DatasetInfo,
    split: str,
    batch_size: int,
    seed: int,
    shuffle_buffer: int = 4096,
    first_step: int = 0,
) -> tf.data.Dataset:
    """Endless full batches (see schema.parse) that hold every line of the split once a pass.

    A pure function of (seed, step): the stream from `first_step` equals the tail of the stream from 0. A batch
    may span two passes, as those of the notebook's random_uniform_num do, so no line is left out.
    """
    paths, lines = _shards_with_lines(folder, info, split)
    first_pass, skipped = divmod(first_step * batch_size, lines)
    fixed_seed = tf.constant(seed, tf.int64)
    dataset = tf.data.Dataset.counter(start=first_pass)
    dataset = dataset.flat_map(lambda number: _one_pass(paths, fixed_seed, number, shuffle_buffer))
    dataset = dataset.skip(skipped)
    dataset = dataset.batch(batch_size, drop_remainder=True)
    # One parse for a batch costs a fifth of a parse for each line.
    dataset = dataset.map(_parser(info), num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def evaluation_input(*, folder: str, info: DatasetInfo, split: str, batch_size: int) -> tf.data.Dataset:
    """Every line of the split exactly once, in order, in full batches (see schema.parse).

    Rows that fill up the last batch have weight 0 and one dummy label, without which CTC refuses a row.
    """
    paths, _ = _shards_with_lines(folder, info, split)
    dataset = tf.data.TFRecordDataset(paths)
    dataset = dataset.batch(batch_size)
    dataset = dataset.map(_parser(info), num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.map(lambda batch: pad_batch(batch, batch_size), num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


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
        block_length=16,
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


def _append_rows(tensor, row, count):
    filler = tf.repeat(row[None], count, axis=0)
    return tf.ensure_shape(tf.concat([tensor, filler], axis=0), [None, *tensor.shape[1:]])


def _parser(info: DatasetInfo):
    return lambda records: schema.parse(records, geometry=info.geometry, encoding=info.image_encoding)


def _shards_with_lines(folder: str, info: DatasetInfo, split: str) -> tuple[list[str], int]:
    chosen = info.find_split(split)
    if not info.geometry.width:
        raise UserError(
            f"data set {folder}",
            received="lines of any width",
            expected="lines of one width, which is what a batch is made of so far",
            remedy="Convert with --image_width=280 --fit=pad, say.",
        )
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
    return paths, chosen.written


def _check_shard(path: str, size: int) -> None:
    found = storage.size(path) if storage.exists(path) else None
    if found != size:
        raise UserError(
            f"shard {path}",
            received="no such file" if found is None else f"{found} bytes",
            expected=f"{size} bytes, as dataset.json has it",
            remedy="Copy the data set again, or convert the split again with --overwrite.",
        )
