"""Writes shards of records: TFRecord files of tf.train.Example, without TensorFlow."""

import dataclasses
import statistics
from collections.abc import Iterable
from typing import BinaryIO

from densenet_ocr.beam_jobs.engine.reports import Statistics
from densenet_ocr.beam_jobs.engine.shard_job import Count, Report, ShardWriter, sample_lines
from densenet_ocr.beam_jobs.engine.source import RefusedRow, Source
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.dataset_info import DatasetInfo, ShardInfo
from densenet_ocr.pipeline.schema import Record
from densenet_ocr.pipeline.tfrecord.records import RecordWriter


@dataclasses.dataclass(frozen=True)
class TFRecordShardWriter(ShardWriter):
    """Writes the records of a data set; see engine.shard_job.ShardWriter.

    Attributes:
      info: Geometry and image encoding of the data set.
    """

    info: DatasetInfo
    suffix = ".tfrecord"

    def write(self, name: str, lines: Iterable[Record | RefusedRow], file: BinaryIO, count: Count) -> Report:
        """See ShardWriter."""
        refused, counts, writer = [], Statistics(self.info.charset), RecordWriter(file)
        for line in lines:
            if isinstance(line, RefusedRow):
                refused.append(line)
            else:
                writer.write(schema.encode(line, self.info.image_encoding))
                counts.add(line)
            count(1)
        shard = ShardInfo(name, writer.records, writer.bytes, writer.crc32c)
        return Report(shard, refused, counts.count())

    @property
    def stored_as(self) -> str:
        """How lines are stored, for messages."""
        return self.info.image_encoding

    def estimate_line_bytes(self, source: Source) -> float:
        """Returns the bytes of a record: exact where all lines have one width, else the mean of a sample."""
        geometry = self.info.geometry
        widths = [geometry.width]
        if not geometry.width:
            widths = [line.levels.shape[1] for line in sample_lines(source)] or [0]
        pixels = geometry.height * statistics.fmean(widths)
        return pixels * schema.PIXEL_BYTES[self.info.image_encoding] + schema.OVERHEAD_BYTES
