"""What a job is: a source of lines, the split that they become, and where each part of it lies."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple, Protocol

from densenet_ocr.pipeline import records, storage
from densenet_ocr.pipeline.dataset_info import FILE_NAME, ShardInfo

PLAN = "plan.npy"


class RefusedRow(NamedTuple):
    """A row that gives no line: its place in the input's order, file:line, the row itself, the reason."""

    position: int
    where: str
    row: str
    reason: str
    detail: str


class Source(Protocol):
    """Where lines come from; pickled to the workers, so it holds paths, not open files."""

    @property
    def rows(self) -> int:
        """Lines and refusals in all."""

    @property
    def shard_count(self) -> int:
        """Shards that the source fills, known before anything is read."""

    def read(self, shard: int) -> Iterator[Any]:
        """The shard's lines in their order, and its refusals; the same at every call."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker needs: where the split lies, the source, and what names them both.

    `digest` differs wherever the shards' bytes may: by it a finished shard knows the job that it belongs to.
    """

    suffix: ClassVar[str]

    folder: str
    split: str
    source: Source
    digest: str

    def shard_name(self, shard: int) -> str:
        """File name of a shard, which tells its number and how many there are."""
        return f"{self.split}-{shard:05d}-of-{self.source.shard_count:05d}{self.suffix}"

    def shard_path(self, shard: int) -> str:
        """The file of a shard."""
        return storage.join(self.folder, self.shard_name(shard))

    def report_path(self, shard: int) -> str:
        """The report of one shard."""
        return storage.join(state_folder(self.folder, self.split), f"{shard:05d}.json")

    def is_intact(self, shard: ShardInfo) -> bool:
        """Whether a shard's file is the one described, by size and checksum."""
        path = storage.join(self.folder, shard.name)
        there = storage.exists(path) and storage.size(path) == shard.bytes
        return there and records.hash_file(path) == shard.crc32c

    @property
    def rejects_path(self) -> str:
        """The split's file of refusals."""
        return storage.join(self.folder, f"{self.split}.rejects.tsv")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardJob(Job):
    """A job whose shards hold records, their images stored as `image_encoding` says."""

    suffix = ".tfrecord"

    image_encoding: str


def state_folder(folder: str, split: str) -> str:
    """Folder of what a job needs to go on: identity, plan and reports; gone when the split is whole."""
    return storage.join(folder, f"{split}.unfinished")


def sweep(folder: str, split: str) -> None:
    """Removes what an earlier run left of a split: shards, rejects, state but for the plan, temporary files."""
    sweep_temporary(folder, split)
    for name in find_made(folder, split):
        storage.remove(storage.join(folder, name))
    _remove(state_folder(folder, split), rf"(?!{PLAN}$).*")


def find_made(folder: str, split: str) -> list[str]:
    """Names of a split's shards and rejects that lie in a folder."""
    made = re.compile(_made(split))
    return [name for name in storage.list_names(folder) if made.fullmatch(name)]


def sweep_temporary(folder: str, split: str) -> None:
    """Removes the temporary files of a run that was killed, and leaves what it finished."""
    _remove(folder, rf"{_made(split)}\.tmp-\w+")
    _remove(state_folder(folder, split), r".*\.tmp-\w+")


def sweep_description(folder: str, name: str = FILE_NAME) -> None:
    """Removes temporary files of dataset.json, or of another description; only who holds a lock on it may."""
    _remove(folder, rf"{re.escape(name)}\.tmp-\w+")


def _made(split: str) -> str:
    """A pattern of the names of a split's shards, of any job, and rejects."""
    return rf"{split}(-\d{{5,}}-of-\d{{5,}}\.(tfrecord|tsv|list)|\.rejects\.tsv)"


def _remove(folder: str, pattern: str) -> None:
    for name in storage.list_names(folder):
        if re.fullmatch(pattern, name):
            storage.remove(storage.join(folder, name))
