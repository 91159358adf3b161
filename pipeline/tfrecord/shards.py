"""The shards of a split as tf.data reads them: local files, or local copies of those behind URLs."""

import contextlib
import re
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo, ShardInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.tfrecord.shard_copies import CachedCopies, Copies, TemporaryCopies

# Shards behind URLs that are fetched at a time, ahead of the reader: one alone seldom fills a connection.
FETCHED_AT_ONCE = 4

# TensorFlow passes only the text of an error on, among other texts.
_MARK = "\N{SYMBOL FOR START OF TEXT}"
_MARKED = re.compile(f"{_MARK}(.*?){_MARK}", re.DOTALL)


class Shards:
    """The shards of a split that have records.

    Args:
      folder: The data set, a local folder or a URL.
      info: Its metadata.
      split: Name of the split.
      cache: Local folder for copies that stay; without it, copies of shards behind URLs are temporary.

    Attributes:
      paths: Paths or URLs of the shards, in order.

    Raises:
      UserError: the split has no lines, or a shard is missing or has another size.
    """

    def __init__(self, folder: str, info: DatasetInfo, split: str, cache: str | None = None):
        shards = _list_shards(folder, info, split)
        self.paths = [storage.join(folder, shard.name) for shard in shards]
        self._shards = dict(zip(self.paths, shards, strict=True))
        self._copies: Copies | None = None
        if storage.is_url(folder):
            self._copies = CachedCopies(cache) if cache else TemporaryCopies()

    def fetch(self, paths: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the local paths, string [], of the shards with these paths, string [], in the same order."""
        if self._copies is None:
            return paths
        return paths.map(
            lambda path: tf.ensure_shape(tf.numpy_function(self._fetch, [path], tf.string), []),
            num_parallel_calls=FETCHED_AT_ONCE,
            deterministic=True,
        )

    def read(self, path: tf.Tensor) -> tf.data.Dataset:
        """Returns the records, string [], of a shard by its local path; then a temporary copy is removed."""
        records = tf.data.TFRecordDataset(path)
        if self._copies is None or isinstance(self._copies, CachedCopies):
            return records
        end = tf.data.Dataset.from_tensors(path).map(self._release_later).filter(lambda _: False)
        return records.concatenate(end)

    def _fetch(self, url: bytes) -> bytes:
        assert self._copies is not None
        try:
            path = url.decode("utf-8", "surrogateescape")
            return self._copies.fetch(path, self._shards[path]).encode("utf-8", "surrogateescape")
        except UserError as error:
            raise RuntimeError(f"{_MARK}{error}{_MARK}") from None

    def _release_later(self, path: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(self._release, [path], tf.string), [])

    def _release(self, path: bytes) -> np.bytes_:
        assert self._copies is not None
        self._copies.release(path.decode("utf-8", "surrogateescape"))
        return np.bytes_(path)


@contextlib.contextmanager
def reading_errors() -> Iterator[None]:
    """Raises the UserError with which a shard could not be fetched, in place of TensorFlow's error about it."""
    try:
        yield
    except tf.errors.OpError as error:
        if found := _MARKED.search(str(error)):
            raise UserError.of_text(found[1]) from None
        raise


def _list_shards(folder: str, info: DatasetInfo, split: str) -> list[ShardInfo]:
    """The shards with records; raises UserError if there are none or one is damaged."""
    chosen = info.find_split(split)
    if not chosen.written:
        raise UserError(
            f"split {split!r}",
            received="no lines",
            expected="at least one line",
            remedy=f"See {split}.rejects.tsv in {folder} for why every row was refused.",
        )
    shards = [shard for shard in chosen.shards if shard.records]
    sizes = _read_sizes(folder, shards)
    for shard in shards:
        found = sizes.get(shard.name)
        if found != shard.bytes:
            raise UserError(
                f"shard {storage.join(folder, shard.name)}",
                received="no such file" if found is None else f"{found} bytes",
                expected=f"{shard.bytes} bytes, according to dataset.json",
                remedy="Copy the data set again, or convert the split again with --overwrite.",
            )
    return shards


def _read_sizes(folder: str, shards: list[ShardInfo]) -> dict[str, int]:
    """Sizes of the shards' files by name, with one request for each thousand files of a bucket."""
    if storage.is_web(folder):  # which list nothing: a copy is checked when it is made
        return {shard.name: shard.bytes for shard in shards}
    if storage.is_url(folder):
        return {name: size for name, (size, _) in storage.list_versions(folder).items()}
    paths = {shard.name: storage.join(folder, shard.name) for shard in shards}
    return {name: storage.size(path) for name, path in paths.items() if storage.exists(path)}
