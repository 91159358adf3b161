"""Lines whose pixels are in the training and in the validation of a mixture, or of a single data set."""

import collections
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf

from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.dataset import read_in_order
from densenet_ocr.pipeline.dataset_info import SplitInfo
from densenet_ocr.pipeline.mixtures.mixture import Mixture, Part
from densenet_ocr.pipeline.tfrecord.shards import Shards, reading_errors
from densenet_ocr.pipeline.ui.progress import Progress

_LINES_AT_A_TIME = 256


class Place(NamedTuple):
    """Where a line is.

    Attributes:
      folder: Its data set.
      split: Its split.
      key: Its key in that data set.
    """

    folder: str
    split: str
    key: str


class Comparison(NamedTuple):
    """What a comparison found.

    Attributes:
      training_lines: Lines of the training split that were compared, of all data sets.
      validation_lines: Lines of the validation split that they were compared with.
      is_complete: Whether these are all lines of both.
      shared: For each line of validation that is in training, its place and the first one in training.
    """

    training_lines: int
    validation_lines: int
    is_complete: bool
    shared: list[tuple[Place, Place]]


def compare_splits(
    mixture: Mixture, training: str, validation: str, *, most_bytes: int = 0, cache: str | None = None
) -> Comparison:
    """Compares the pixels of lines by 64-bit hashes; a line of another contrast or position is another line.

    Args:
      mixture: The data sets. A line of one data set may be in another.
      training: Name of the training split, of all data sets.
      validation: Name of the validation split, of one data set or more.
      most_bytes: Bytes to read of each of the two, the first lines of each data set alike; 0 for all. As
        conversion shuffles the lines of a split, its first lines are a sample of all.
      cache: Local folder for copies of remote shards, see training_input.

    Raises:
      UserError: a split is empty, or a shard is missing or truncated.
    """
    seen: dict[int, list[Place]] = collections.defaultdict(list)
    shared: dict[Place, Place] = {}
    count = 0
    with reading_errors():
        for folder, numbers, keys in _hash_split(mixture, validation, most_bytes, cache):
            for number, key in zip(numbers, keys, strict=True):
                seen[number].append(_make_place(folder, validation, key))
        lines = sum(map(len, seen.values()))
        for folder, numbers, keys in _hash_split(mixture, training, most_bytes, cache):
            count += len(keys)
            for k in [k for k, number in enumerate(numbers) if number in seen]:
                place = _make_place(folder, training, keys[k])
                shared.update((other, place) for other in seen.pop(numbers[k], ()))
    written = sum(split.written for name in (training, validation) for _, split in _list_splits(mixture, name))
    return Comparison(count, lines, count + lines == written, list(shared.items()))


def _list_splits(mixture: Mixture, name: str) -> list[tuple[Part, SplitInfo]]:
    return [(part, part.info.splits[name]) for part in mixture.parts if name in part.info.splits]


def _hash_split(
    mixture: Mixture, name: str, most_bytes: int, cache: str | None
) -> Iterator[tuple[str, list[int], Sequence[bytes]]]:
    """Yields the folder, the hashes and the keys of lines of a split, of all data sets."""
    found = _list_splits(mixture, name)
    counts = [
        _count_lines(split, most_bytes // len(found)) if most_bytes else split.written for _, split in found
    ]
    progress, done = Progress(f"compare {name}", sum(counts), "lines"), 0
    for (part, _), count in zip(found, counts, strict=True):
        lines = read_in_order(Shards(part.folder, part.info, name, cache)).take(count)
        batches = lines.batch(_LINES_AT_A_TIME).map(_hash_lines, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
        for numbers, keys in batches.as_numpy_iterator():
            yield part.folder, numbers.tolist(), keys
            done += len(keys)
            progress.show(done)
    progress.close(done)


def _make_place(folder: str, split: str, key: bytes) -> Place:
    return Place(folder, split, key.decode("utf-8", "replace"))


def _count_lines(split: SplitInfo, most_bytes: int) -> int:
    size = sum(shard.bytes for shard in split.shards)
    return max(1, min(split.written, split.written * most_bytes // max(1, size)))


def _hash_lines(records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns hashes, int64 [B], and keys, string [B]. As all heights are equal, the bytes fix the width."""
    image, key = schema.read_stored(records)
    return tf.strings.to_hash_bucket_fast(image, 2**63 - 1), key
