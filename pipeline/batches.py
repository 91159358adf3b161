"""Batches of records -> batches of lines: parsing, the shares of several processes, filler rows."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.augmentation.augment import augment
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.buckets import Bucket
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo

Batch = dict[str, tf.Tensor]  # see schema.parse
Relabeller = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # see make_relabeller


@dataclasses.dataclass(frozen=True)
class Share:
    """A process's share of every batch, for a training on several machines: equal parts, in order.

    Attributes:
      index: Number of the process, from 0.
      count: Number of processes; the sizes of batches are multiples of it.
    """

    index: int = 0
    count: int = 1


WHOLE = Share()


def make_parser(
    info: DatasetInfo,
    buckets: tuple[Bucket, ...],
    normalised: bool,
    share: Share,
    relabel: Relabeller | None = None,
    *,
    full: bool = False,
) -> Callable[..., tuple[Batch, tf.Tensor]]:
    """Returns a function from records, string [B], and their bucket to a share's batch and its place.

    With `relabel` it also takes the data sets of the records, int64 [B]; 0 by default. With `full` all batches
    are full ones, whatever the sizes of buckets. The place is that of `_find_share`.
    """
    widths, sizes = [bucket.width for bucket in buckets], [bucket.size for bucket in buckets]

    def parse(
        records: tf.Tensor, bucket: tf.Tensor, sources: tf.Tensor | None = None
    ) -> tuple[Batch, tf.Tensor]:
        lines = tf.shape(records)[0]
        size = lines if full else tf.constant(sizes)[bucket]
        place = _find_share(lines, size // share.count, share)
        batch = schema.parse(
            records[place[0] : place[1]],
            geometry=info.geometry,
            encoding=info.image_encoding,
            normalised=normalised,
            padded_width=tf.constant(widths)[bucket],
        )
        if relabel:
            sources = tf.zeros(tf.shape(records), tf.int64) if sources is None else sources
            label = relabel(batch[schema.LABEL], sources[place[0] : place[1]])
            batch = {**batch, schema.LABEL: label}
        return batch, place

    return parse


def make_relabeller(charsets: Sequence[Charset], charset: Charset) -> Relabeller | None:
    """Returns a function that gives labels the classes of another charset; None if they have these already.

    Args:
      charsets: Charsets of data sets.
      charset: A charset with the characters of all of them.

    Returns:
      A function from labels, int32 [B, L], padded with NO_CLASS, and the numbers of their data sets, int64 [B],
      to labels of `charset`.
    """
    classes = [[charset.class_of[character] for character in each.characters] for each in charsets]
    if all(each == list(range(len(each))) for each in classes):
        return None
    starts = np.cumsum([0, *map(len, classes)])[:-1].astype(np.int32)
    table = np.concatenate([np.array(each, np.int32) for each in classes])

    def relabel(label: tf.Tensor, sources: tf.Tensor) -> tf.Tensor:
        places = tf.maximum(label, 0) + tf.gather(tf.constant(starts), sources)[:, None]
        return tf.where(label == schema.NO_CLASS, schema.NO_CLASS, tf.gather(tf.constant(table), places))

    return relabel


def _find_share(lines: tf.Tensor, part: tf.Tensor, share: Share) -> tf.Tensor:
    """Returns the first line of a share, the first one after it, and the batch's lines, int32 [3].

    Args:
      lines: Lines of the batch, an int32 scalar.
      part: Rows of a share, of which the last ones of the batch may be filler rows, an int32 scalar.
      share: The share.
    """
    first = tf.minimum(share.index * part, lines)
    return tf.stack([first, tf.minimum(first + part, lines), lines])


def make_augmenter(
    seed: int, augmentation: AugmentConfig
) -> Callable[[tuple[Batch, tf.Tensor], tf.Tensor], tuple[Batch, tf.Tensor]]:
    """Returns a function that augments the batch of a share, by its place and the number of the step."""

    def augment_batch(shared: tuple[Batch, tf.Tensor], step: tf.Tensor) -> tuple[Batch, tf.Tensor]:
        batch, place = shared
        key = tf.stack([seed, tf.cast(step, tf.int32)])
        image = augment(
            batch[schema.IMAGE], batch[schema.WIDTH], seed=key, augmentation=augmentation, place=place
        )
        return {**batch, schema.IMAGE: image}, place

    return augment_batch


def make_padder(buckets: tuple[Bucket, ...], share: Share) -> Callable[[Batch], Batch]:
    """Returns a function that fills the batch of a share up to its part of its bucket's size."""
    widths, sizes = [bucket.width for bucket in buckets], [bucket.size // share.count for bucket in buckets]

    def pad(batch: Batch) -> Batch:
        width = tf.shape(batch[schema.IMAGE])[2]
        return pad_batch(batch, tf.constant(sizes)[tf.searchsorted(widths, [width])[0]])

    return pad


def pad_batch(batch: Batch, batch_size: tf.Tensor | int) -> Batch:
    """Fills a batch up with rows of weight 0.

    Args:
      batch: Tensors that schema.parse returns.
      batch_size: Rows of the result, an int32 scalar.

    Returns:
      The same tensors with `batch_size` rows. Filler rows have weight 0, width 0, an empty key and a label of
      one class, because CTC rejects an empty label.
    """
    missing = batch_size - tf.shape(batch[schema.WEIGHT])[0]
    label = batch[schema.LABEL]
    # A share of a batch may be without lines, and its labels without columns.
    label = tf.pad(label, [[0, 0], [0, tf.maximum(1 - tf.shape(label)[1], 0)]], constant_values=schema.NO_CLASS)
    batch = {**batch, schema.LABEL: label}
    one_class = tf.concat([[0], tf.fill([tf.shape(label)[1] - 1], schema.NO_CLASS)], axis=0)
    image = batch[schema.IMAGE]
    row = {
        schema.IMAGE: tf.zeros(tf.shape(image)[1:], image.dtype),
        schema.LABEL: one_class,
        schema.LABEL_LENGTH: tf.constant(1),
        schema.FRAMES: tf.maximum(tf.reduce_max(batch[schema.FRAMES]), 1),
        schema.WIDTH: tf.constant(0),
        schema.WEIGHT: tf.constant(0.0),
        schema.KEY: tf.constant(""),
    }
    return {name: _append_rows(tensor, row[name], missing) for name, tensor in batch.items()}


def _append_rows(tensor: tf.Tensor, row: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Appends `count` copies of a row [...] to a tensor [B, ...]."""
    filler = tf.repeat(row[None], count, axis=0)
    return tf.ensure_shape(tf.concat([tensor, filler], axis=0), [None, *tensor.shape[1:]])
