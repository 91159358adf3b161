"""Some random lines of a split, without reading all of it."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from densenet_ocr.pipeline import records, schema, storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo, ShardInfo
from densenet_ocr.pipeline.errors import UserError

# A line may take the reading of a whole shard, so that more lines share this many.
MOST_SHARDS = 40


class SampledLine(NamedTuple):
    """A line's grey levels (uint8 [H, W]), its text and its key."""

    levels: np.ndarray
    text: str
    key: str


def sample_lines(*, folder: str, info: DatasetInfo, split: str, count: int, seed: int) -> list[SampledLine]:
    """`count` different lines of a split, or all where it has less, in their order; the same for a seed.

    They come from MOST_SHARDS random shards, or as many more as hold them, each line of those as likely as any
    other. Raises UserError where a shard cannot be read.
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
    """Shards in order, and the numbers of the records chosen of each, from 0."""
    filled = [shard for shard in shards if shard.records]
    order = random.permutation(len(filled))
    # Shards enough for the lines, where they are small.
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
    """Records of a shard by their numbers, which are in order; raises ValueError where there are fewer."""
    wanted, found = set(numbers), 0
    for number, data in enumerate(itertools.islice(records.read_records(path), numbers[-1] + 1)):
        if number in wanted:
            found += 1
            yield data
    if found < len(numbers):
        raise ValueError(f"it has no record {numbers[found] + 1}")
