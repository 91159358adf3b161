"""The training input of a mixture: every batch has lines of all data sets, by their shares."""

import tensorflow as tf

from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.batches import WHOLE, BatchMaker, Share, make_relabeller
from densenet_ocr.pipeline.buckets import Bucket
from densenet_ocr.pipeline.dataset import count_steps, make_pass_reader, read_lines, training_input
from densenet_ocr.pipeline.mixtures.apportionment import choose_sources, count_lines
from densenet_ocr.pipeline.mixtures.mixture import Mixture
from densenet_ocr.pipeline.mixtures.windows import Windows, count_pass, make_cutter, plan_windows
from densenet_ocr.pipeline.tfrecord.shards import Shards

# Seeds of the shuffles of two data sets, whose number is in the upper 32 bits; --seed is below 2**31.
_SEEDS = 1 << 32


def mixed_input(
    *,
    mixture: Mixture,
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
    """Returns endless batches of lines of all data sets; those of `training_input` for a single one.

        mixture = load_mixture(parse_sources(["real", "made=3"]))
        batches = mixed_input(mixture=mixture, split="train", batch_size=32, seed=0)  # 8 real lines in each

    Each data set is shuffled by itself and contributes every line once per pass over it; a batch may have
    lines of two of its passes. Up to any batch it has contributed its share of the lines, see
    apportionment.count_lines. The order of a batch's lines is drawn by (seed, step). So batch k is a pure
    function of the arguments and of k: the batches from `first_step` equal the tail of those from step 0.

    Args:
      mixture: The data sets.
      split: Name of the split, of all of them.
      batch_size: Lines of a batch over all replicas.
      seed: Seed of the shuffles, of the order in a batch and of the augmentation.
      shuffle_buffer: Records of each data set that are shuffled in memory.
      first_step: Number of batches to skip, to resume a training.
      replicas: As in `training_input`.
      augmentation: Random operations on the lines; None for none.
      normalised: As in `training_input`.
      share: As in `training_input`.
      cache: As in `training_input`, for all data sets.

    Returns:
      Batches of the tensors that schema.parse returns. Labels have the classes of `mixture.info.charset`.

    Raises:
      UserError: the split of a data set is missing or empty, or a shard is missing or truncated.
    """
    mixture.check_split(split)
    if len(mixture.parts) == 1:
        return training_input(
            folder=mixture.parts[0].folder,
            info=mixture.info,
            split=split,
            batch_size=batch_size,
            seed=seed,
            shuffle_buffer=shuffle_buffer,
            first_step=first_step,
            replicas=replicas,
            augmentation=augmentation,
            normalised=normalised,
            share=share,
            cache=cache,
        )
    windows = None if mixture.info.geometry.width else plan_windows(mixture, split, batch_size, replicas)
    start = first_step - first_step % windows.steps if windows else first_step
    batches = _mix(mixture, split, batch_size, seed, shuffle_buffer, start, cache)
    if windows:
        batches = _sort(batches, windows, mixture.shares, seed, start).skip(first_step - start)
    widths = windows.bounds if windows else (mixture.info.geometry.width,)
    maker = BatchMaker(
        info=mixture.info,
        buckets=tuple(Bucket(width, batch_size, batch_size) for width in widths),
        share=share,
        normalised=normalised,
        augmentation=augmentation or AugmentConfig(),
        seed=seed,
        relabel=make_relabeller([part.info.charset for part in mixture.parts], mixture.info.charset),
        full=True,
        pads=False,
    )
    return maker.make_batches(batches, first_step)


def count_mixed_steps(mixture: Mixture, split: str, batch_size: int, replicas: int = 1) -> int:
    """Returns the steps of one pass over the first data set, at least one; see dataset.count_steps.

    In a mixture of lines of any width, these are whole windows where a pass has one.
    """
    if len(mixture.parts) == 1:
        return count_steps(mixture.parts[0].info, split, batch_size, replicas)
    steps = count_pass(mixture, split, batch_size)
    if mixture.info.geometry.width:
        return steps
    window = plan_windows(mixture, split, batch_size, replicas).steps
    return steps // window * window or steps


def _mix(
    mixture: Mixture,
    split: str,
    batch_size: int,
    seed: int,
    shuffle_buffer: int,
    first_step: int,
    cache: str | None,
) -> tf.data.Dataset:
    """Returns batches of records, string [B], of the bucket 0, with the number of each record's data set."""
    shares, first_lines = mixture.shares, count_lines(mixture.shares, first_step * batch_size)
    streams = []
    for k, part in enumerate(mixture.parts):
        shards = Shards(part.folder, part.info, split, cache)
        read_pass = make_pass_reader(shards, seed + k * _SEEDS, shuffle_buffer)
        lines = part.info.find_split(split).written
        streams.append(read_lines(read_pass, lines=lines, first_line=first_lines[k]))
    sources = tf.data.Dataset.counter(first_step).map(
        lambda step: choose_sources(shares, batch_size, seed, step), tf.data.AUTOTUNE, deterministic=True
    )
    records = tf.data.Dataset.choose_from_datasets(streams, sources.unbatch())
    batches = tf.data.Dataset.zip(records.batch(batch_size, drop_remainder=True), sources)
    return batches.map(lambda records, sources: (records, tf.constant(0, tf.int64), sources))


def _sort(
    batches: tf.data.Dataset, windows: Windows, shares: tuple[int, ...], seed: int, first_step: int
) -> tf.data.Dataset:
    """Returns batches of lines of similar width, from the first one of a window on; see make_cutter."""
    lines = batches.map(lambda records, _, sources: (records, sources)).unbatch()
    numbers = tf.data.Dataset.counter(first_step // windows.steps)
    joined = tf.data.Dataset.zip(lines.batch(windows.lines, drop_remainder=True), numbers)
    cut = make_cutter(windows, shares, seed)
    return joined.prefetch(1).flat_map(lambda window, number: cut(*window, number))
