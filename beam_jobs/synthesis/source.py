"""Lines that are drawn by a plan, as a source of records and of image files."""

import dataclasses
import zlib
from collections.abc import Iterator

import numpy as np

from densenet_ocr.beam_jobs.engine.job import RefusedRow
from densenet_ocr.beam_jobs.engine.plan import PlannedSource
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.schema import Record

# Images that lie in one folder: few enough for people and tools to list.
_FOLDER_LINES = 1000


def make_random(seed: int, split: str, number: int) -> np.random.Generator:
    """What the line of a number, of a split, is drawn from: the same on every machine, and no other line's."""
    entropy = [seed, zlib.crc32(split.encode()), number]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeSource(PlannedSource):
    """Lines of a plan of plan_dtype, drawn; a line's number is its row there.

    A line's looks are drawn from the seed, the split's name and its number, whoever draws it and in what order.
    """

    split: str
    seed: int
    renderer: LineRenderer

    def read(self, shard: int) -> Iterator[Record | RefusedRow]:
        """The records of a shard, or why a line is none."""
        for _, line in self.draw_shard(shard):
            yield line

    def draw_shard(self, shard: int) -> Iterator[tuple[bytes, Record | RefusedRow]]:
        """The lines of a shard, each as a JPEG file and as the record that it is read as."""
        first = shard * self.lines_per_shard
        for number, (face, length, ids) in enumerate(self.plan_of(shard), start=first):
            yield self._draw(number, int(face), ids[:length].tolist())

    def _draw(self, number: int, face: int, label: list[int]) -> tuple[bytes, Record | RefusedRow]:
        text, key = self.charset.decode(label), self.name_line(number)
        image = b""
        try:
            image = self.renderer.render(text, face, make_random(self.seed, self.split, number))
            return image, self.make_record(key, image, label)
        except Refused as refusal:
            return image, RefusedRow(number, f"{self.split}:{number}", text, refusal.reason, refusal.detail)

    def name_line(self, number: int) -> str:
        """A line's key, which is the path of its image: train/00012/00012345.jpg."""
        return f"{self.split}/{number // _FOLDER_LINES:05d}/{number:08d}.jpg"
