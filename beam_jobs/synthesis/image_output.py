"""Image files as the output of a synthesis: JPEG files, and a list that names them, which ocr-convert reads.

Rows of the list are `path id id ...`, with ids that are charset rows: a space in a text cannot be misread.
"""

import dataclasses
import os
import re
import statistics
from collections.abc import Iterable
from typing import BinaryIO

from densenet_ocr.beam_jobs.engine.reports import Statistics
from densenet_ocr.beam_jobs.engine.shard_job import Checksum, Count, Report, ShardWriter, sample_lines
from densenet_ocr.beam_jobs.engine.source import RefusedRow, Source
from densenet_ocr.beam_jobs.synthesis.source import RenderedLine
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import ShardInfo, SplitInfo

# Disks give files whole blocks.
_BLOCK_BYTES = 4096

_AT_ONCE = 32  # images on their way to a store


@dataclasses.dataclass(frozen=True)
class ImageShardWriter(ShardWriter):
    """Writes images and parts of their list; see engine.shard_job.ShardWriter.

    The size and checksum of a shard are those of its images and rows together.

    Attributes:
      folder: Output folder, where the images go, too.
    """

    folder: str
    suffix = ".list"
    stored_as = "JPEG files"

    def write(
        self, name: str, lines: Iterable[RenderedLine | RefusedRow], file: BinaryIO, count: Count
    ) -> Report:
        """See ShardWriter."""
        refused, counts, checksum, written = [], Statistics(), Checksum(), 0
        is_local = not storage.is_url(self.folder)
        for line in storage.map_many(self._write_image, lines, _AT_ONCE, run_here=lambda _: is_local):
            count(1)
            if isinstance(line, RefusedRow):
                refused.append(line)
                continue
            row = " ".join([line.record.key, *(str(k + 1) for k in line.record.label)]).encode() + b"\n"
            file.write(row)
            checksum.add(line.image)
            checksum.add(row)
            counts.add(line.record)
            written += 1
        shard = ShardInfo(name, written, checksum.bytes, checksum.crc32c)
        return Report(shard, refused, counts.count())

    def _write_image(self, line: RenderedLine | RefusedRow) -> RenderedLine | RefusedRow:
        if isinstance(line, RefusedRow):
            return line
        path = storage.join(self.folder, line.record.key)
        if storage.is_url(path):
            storage.write_atomically(path, line.image)
        else:
            storage.make_folder(os.path.dirname(path))
            # In place: no list names the image until the shard has its name.
            with open(path, "wb") as file:
                file.write(line.image)
        return line

    def is_intact(self, folder: str, shard: ShardInfo) -> bool:
        """See ShardWriter; in a store the images are not read, and the list comes after all of them."""
        path = storage.join(folder, shard.name)
        if not storage.exists(path):
            return False
        rows = storage.read_bytes(path).splitlines(keepends=True)
        if storage.is_url(folder):
            return len(rows) == shard.records
        found = Checksum()
        for row in rows:
            image = storage.join(folder, os.fsdecode(row.partition(b" ")[0]))
            # A row that is cut off may name a folder.
            if not storage.exists(image) or storage.is_folder(image):
                return False
            found.add(storage.read_bytes(image))
            found.add(row)
        return (found.bytes, found.crc32c) == (shard.bytes, shard.crc32c)

    def estimate_line_bytes(self, source: Source) -> float:
        """Returns the mean size of an image on disk, of a sample of lines."""
        sizes = [len(line.image) for line in sample_lines(source)]
        return statistics.fmean(-(-size // _BLOCK_BYTES) * _BLOCK_BYTES for size in sizes or [0])


@dataclasses.dataclass(frozen=True)
class ImageList:
    """The list, which is joined of the shards, and the images that it names; see engine.manifest.DerivedFiles.

    Attributes:
      folder: Output folder.
      split: Name of the split.
    """

    folder: str
    split: str

    def find(self) -> list[str]:
        """See DerivedFiles."""
        found = self._find_image_folders()
        if storage.exists(self._list_path):
            found.append(f"{self.split}.txt")
        return found

    def write(self, split: SplitInfo) -> None:
        """See DerivedFiles."""
        with storage.atomic_file(self._list_path) as file:
            for data in storage.read_many(self._join(shard.name) for shard in split.shards):
                if not isinstance(data, bytes):
                    raise data
                file.write(data)

    def remove(self) -> None:
        """See DerivedFiles."""
        storage.remove(self._list_path)
        # Images only: a folder of the split's name may have other files.
        for folder in map(self._join, self._find_image_folders()):
            names = [name for name in storage.list_names(folder) if re.fullmatch(r"\d{8,}\.jpg", name)]
            storage.remove_many([storage.join(folder, name) for name in names])
            if not storage.list_names(folder):
                storage.remove(folder)

    def _find_image_folders(self) -> list[str]:
        names = storage.list_names(self._join(self.split))
        return [storage.join(self.split, name) for name in names if re.fullmatch(r"\d{5,}", name)]

    def _join(self, name: str) -> str:
        return storage.join(self.folder, name)

    @property
    def _list_path(self) -> str:
        return self._join(f"{self.split}.txt")
