"""Random lines of a split, without reading all of it."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from densenet_ocr.pipeline import schema, storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo, ShardInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.tfrecord import records

# A line may need a whole shard to be read, so more lines share this many shards.
MOST_SHARDS = 40


class SampledLine(NamedTuple):
    """A line: grey levels (uint8 [H, W]), text and key."""

    levels: np.ndarray
    text: str
    key: str


def sample_lines(*, folder: str, info: DatasetInfo, split: str, count: int, seed: int) -> list[SampledLine]:
    """Returns random lines of a split, in their order.

    They come from MOST_SHARDS random shards, or from more where that is needed; each line of those shards is
    as likely as any other.

    Args:
      folder: Folder of the data set.
      info: Its description.
      split: Name of the split.
      count: Number of lines; a smaller split gives all of its lines.
      seed: Seed of the choice.

    Raises:
      UserError: a shard cannot be read.
    """
    chosen = _choose_records(info.splits[split].shards, count, np.random.default_rng(seed))
    lines = []
    for shard, numbers in chosen:
        path = storage.join(folder, shard.name)
        try:
            found = [schema.decode(data, info.image_encoding) for data in _read_some(path, numbers)]
            lines += [SampledLine(line.levels, info.charset.decode(line.label), line.key) for line in found]
        except (OSError, ValueError, LookupError) as error:
            raise UserError(
                f"shard {path}",
                received=f"{type(error).__name__}: {error}",
                expected="the records that dataset.json describes",
                remedy="Add --verify to see all that is wrong.",
            ) from None
    return lines


def _choose_records(
    shards: tuple[ShardInfo, ...], count: int, random: np.random.Generator
) -> Iterator[tuple[ShardInfo, list[int]]]:
    """Yields shards in order, and the numbers of the records chosen of each, from 0."""
    filled = [shard for shard in shards if shard.records]
    order = random.permutation(len(filled))
    # Small shards: as many as the lines need.
    enough = 1 + np.searchsorted(np.cumsum([filled[k].records for k in order]), count)
    some = [filled[k] for k in np.sort(order[: max(MOST_SHARDS, enough)])]
    total = sum(shard.records for shard in some)
    places, start = np.sort(random.choice(total, min(count, total), replace=False)), 0
    for shard in some:
        numbers = places[(start <= places) & (places < start + shard.records)] - start
        start += shard.records
        if len(numbers):
            yield shard, numbers.tolist()


def _read_some(path: str, numbers: list[int]) -> Iterator[bytes]:
    """Yields records of a shard by rising numbers; raises ValueError where it has fewer."""
    wanted, found = set(numbers), 0
    for number, data in enumerate(itertools.islice(records.read_records(path), numbers[-1] + 1)):
        if number in wanted:
            found += 1
            yield data
    if found < len(numbers):
        raise ValueError(f"it has no record {numbers[found] + 1}")
