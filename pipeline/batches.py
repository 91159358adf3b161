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

    def find_lines(self, lines: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """Returns the first line of the share, the first one after it, and the batch's lines, int32 [3].

        Args:
          lines: Lines of the batch, an int32 scalar.
          size: Rows of the batch, of which the last ones may be filler rows, an int32 scalar.
        """
        part = size // self.count
        first = tf.minimum(self.index * part, lines)
        return tf.stack([first, tf.minimum(first + part, lines), lines])


WHOLE = Share()


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchMaker:
    """Makes the batches of a share of batches of records: parses, augments and pads them.

    Attributes:
      info: Metadata of the data set.
      buckets: Its buckets.
      share: The share.
      normalised: Whether images are always float32; else uint8 records stay uint8, unless they are augmented.
      augmentation: Random operations on the lines.
      seed: Seed of the augmentation.
      relabel: Function of `make_relabeller`, if labels get other classes.
      full: Whether all batches are full ones, whatever the sizes of buckets.
      pads: Whether batches are filled up to the sizes of their buckets.
    """

    info: DatasetInfo
    buckets: tuple[Bucket, ...]
    share: Share
    normalised: bool
    augmentation: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)
    seed: int = 0
    relabel: Relabeller | None = None
    full: bool = False
    pads: bool = True

    def make_batches(self, records: tf.data.Dataset, first_step: int = 0) -> tf.data.Dataset:
        """Returns the batches.

        Args:
          records: Batches of records, string [B], with the index of their bucket, int64 [], and with `relabel`
            the number of each record's data set, int64 [B]; 0 by default.
          first_step: Number of the first batch, from 0.
        """
        # Parsing a whole batch costs a fifth of parsing line by line.
        dataset = records.map(self._parse, tf.data.AUTOTUNE)
        if self.augmentation.ops:
            # By step, so that a line gets other random values in every pass.
            steps = tf.data.Dataset.counter(first_step)
            dataset = tf.data.Dataset.zip(dataset, steps).map(self._augment, tf.data.AUTOTUNE)
        dataset = dataset.map(lambda batch, _: batch)
        if self.pads:
            # After augmentation, because augmentation requires lines of one pixel or more.
            dataset = dataset.map(self._pad, tf.data.AUTOTUNE)
        return dataset.prefetch(tf.data.AUTOTUNE)

    def _parse(
        self, records: tf.Tensor, bucket: tf.Tensor, sources: tf.Tensor | None = None
    ) -> tuple[Batch, tf.Tensor]:
        """Returns the share's batch and its place, see Share.find_lines."""
        lines = tf.shape(records)[0]
        size = lines if self.full else tf.constant([one.size for one in self.buckets])[bucket]
        place = self.share.find_lines(lines, size)
        batch = schema.parse(
            records[place[0] : place[1]],
            geometry=self.info.geometry,
            encoding=self.info.image_encoding,
            normalised=self.normalised or bool(self.augmentation.ops),
            padded_width=tf.constant([one.width for one in self.buckets])[bucket],
        )
        if self.relabel:
            sources = tf.zeros(tf.shape(records), tf.int64) if sources is None else sources
            label = self.relabel(batch[schema.LABEL], sources[place[0] : place[1]])
            batch = {**batch, schema.LABEL: label}
        return batch, place

    def _augment(self, shared: tuple[Batch, tf.Tensor], step: tf.Tensor) -> tuple[Batch, tf.Tensor]:
        """Augments the batch of a share, by its place and the number of the step."""
        (batch, place), key = shared, tf.stack([self.seed, tf.cast(step, tf.int32)])
        image, width = batch[schema.IMAGE], batch[schema.WIDTH]
        image = augment(image, width, seed=key, augmentation=self.augmentation, place=place)
        return {**batch, schema.IMAGE: image}, place

    def _pad(self, batch: Batch) -> Batch:
        """Fills the batch of a share up to its part of its bucket's size."""
        widths = [bucket.width for bucket in self.buckets]
        sizes = tf.constant([bucket.size // self.share.count for bucket in self.buckets])
        width = tf.shape(batch[schema.IMAGE])[2]
        return pad_batch(batch, sizes[tf.searchsorted(widths, [width])[0]])


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
