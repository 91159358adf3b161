"""Synthetic lines as a Source: a plan of texts and faces, rendered by shard."""

import dataclasses
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from densenet_ocr.beam_jobs.engine.source import RefusedRow, ShardPlan
from densenet_ocr.beam_jobs.sources.rows import FoundLine, RecordBuilder
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.schema import Record

# Images in one folder: few enough for people and tools to list.
_FOLDER_LINES = 1000


def make_random(seed: int, split: str, number: int) -> np.random.Generator:
    """Returns the random numbers of one line: the same on every machine, and no other line's.

    Args:
      seed: Seed of the synthesis.
      split: Name of the split.
      number: Number of the line in the split, or one that no line has.
    """
    entropy = [seed, zlib.crc32(split.encode()), number]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


class RenderedLine(NamedTuple):
    """A line as a JPEG file, and as the record that this file is read as."""

    image: bytes
    record: Record


@dataclasses.dataclass(frozen=True)
class SyntheticSource:
    """Renders the lines of a plan; see engine.source.Source. A line's number is its place in the plan.

    A line's style depends on the seed, the split's name and its number, not on who renders it or when.

    Attributes:
      plan: Elements are of synthesis.text.plan.plan_dtype.
      split: Name of the split.
      seed: Seed of the synthesis.
      renderer: Draws texts.
      builder: Makes records of images.
      with_images: Whether lines are RenderedLines rather than Records.
    """

    plan: ShardPlan
    split: str
    seed: int
    renderer: LineRenderer
    builder: RecordBuilder
    with_images: bool = False

    def read(self, shard: int) -> Iterator[Record | RenderedLine | RefusedRow]:
        """See Source."""
        first = shard * self.plan.lines_per_shard
        for number, (face, length, ids) in enumerate(self.plan.rows_of(shard), start=first):
            yield self._render(number, int(face), ids[:length].tolist())

    def _render(self, number: int, face: int, label: list[int]) -> Record | RenderedLine | RefusedRow:
        text = self.builder.info.charset.decode(label)
        try:
            image = self.renderer.render(text, face, make_random(self.seed, self.split, number))
            record = self.builder.build(FoundLine(self.name_line(number), image, label), image)
            return RenderedLine(image, record) if self.with_images else record
        except Refused as refusal:
            return RefusedRow(number, f"{self.split}:{number}", text, refusal.reason, refusal.detail)

    def name_line(self, number: int) -> str:
        """Returns a line's key, which is the path of its image: train/00012/00012345.jpg."""
        return f"{self.split}/{number // _FOLDER_LINES:05d}/{number:08d}.jpg"
