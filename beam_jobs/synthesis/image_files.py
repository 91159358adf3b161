"""Lines as JPEG files and a list of them: a shard is a part of the list, with the images that it names.

Rows are `path id id ...`, ids charset rows: blanks of a text are safe there, and no text can be misread.
"""

import dataclasses
import os
from typing import BinaryIO

import google_crc32c

from densenet_ocr.beam_jobs.engine.job import Job, RefusedRow
from densenet_ocr.beam_jobs.engine.reports import Report, Statistics
from densenet_ocr.beam_jobs.engine.row_counter import count_taken
from densenet_ocr.beam_jobs.engine.shard_run import make_shard
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import ShardInfo
from densenet_ocr.pipeline.schema import Record


class _Sum:
    """Size and CRC-32C of what is added: each row of a part, behind its image."""

    def __init__(self):
        self.bytes, self._checksum = 0, 0

    def add(self, data: bytes) -> None:
        self.bytes += len(data)
        self._checksum = google_crc32c.extend(self._checksum, data)

    @property
    def crc32c(self) -> str:
        return f"{self._checksum:08x}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageJob(Job):
    """A job whose shards are parts of a list; a shard's size and checksum are of its part and of its images."""

    suffix = ".list"

    def is_intact(self, shard: ShardInfo) -> bool:
        """See Job."""
        path = storage.join(self.folder, shard.name)
        if not storage.exists(path):
            return False
        found = _Sum()
        for row in storage.read_bytes(path).splitlines(keepends=True):
            image = storage.join(self.folder, os.fsdecode(row.partition(b" ")[0]))
            # A row that is cut off may name a folder.
            if not storage.exists(image) or storage.is_folder(image):
                return False
            found.add(storage.read_bytes(image))
            found.add(row)
        return (found.bytes, found.crc32c) == (shard.bytes, shard.crc32c)


def write_images(job: ImageJob, number: int) -> Report:
    """Draws a shard: its images, then its part and report, unless all are there; returns the report."""

    def write(file: BinaryIO) -> Report:
        refused, statistics, total, count = [], Statistics(), _Sum(), 0
        for image, line in count_taken(job, number, job.source.draw_shard(number)):
            if isinstance(line, RefusedRow):
                refused.append(line)
                continue
            # In place: until the part has its name, nobody is told of the image.
            _write_image(storage.join(job.folder, line.key), image)
            row = _format_row(line)
            file.write(row)
            total.add(image)
            total.add(row)
            statistics.add(line)
            count += 1
        info = ShardInfo(job.shard_name(number), count, total.bytes, total.crc32c)
        return Report(info, refused, statistics.count())

    return make_shard(job, number, write)


def _write_image(path: str, data: bytes) -> None:
    storage.make_folder(os.path.dirname(path))
    with open(path, "wb") as file:
        file.write(data)


def _format_row(line: Record) -> bytes:
    return " ".join([line.key, *(str(k + 1) for k in line.label)]).encode() + b"\n"
