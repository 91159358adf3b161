"""Images of list files as a Source of transcripts: each row's path, and the line that the model reads."""

import codecs
import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from densenet_ocr.beam_jobs.engine.source import RefusedRow, ShardPlan
from densenet_ocr.beam_jobs.sources.list_rows import ListRows
from densenet_ocr.beam_jobs.sources.rows import FoundLine, RowSource
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.imaging import fitting
from densenet_ocr.pipeline.imaging.contrast import make_dark_on_light

# Decoding errors: bytes that are not text become the characters that stand for them in "surrogateescape",
# which some encodings need for bytes below 128, too.
_KEEP = "keep_bytes"


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_KEEP, _keep_bytes)


class ImageRow(NamedTuple):
    """A row of a list.

    Attributes:
      path: The path in the list; U+DC00 + b stands for a byte b that is not text.
      line: Grey levels, uint8 [the model's height, W], or why there are none.
    """

    path: str
    line: np.ndarray | RefusedRow


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """All rows of some lists, in their order; see engine.source.Source. What follows a path is ignored.

    Attributes:
      plan: Elements are PLAN_ROW.
      lists: The lists.
      info: Geometry, fit and polarity of the model's lines.
    """

    plan: ShardPlan
    lists: ListRows
    info: DatasetInfo

    def read(self, shard: int) -> Iterator[ImageRow]:
        """See Source; a refused row is an ImageRow too, because every row has a transcript."""
        source = RowSource(self.plan, self.lists, self._find, self._fit)
        for number, offset, line in source.read_rows(shard):
            path, encoding = self.lists.path_at(number, offset)
            yield ImageRow(path.decode(encoding, _KEEP), line)

    def _find(self, number: int, offset: int) -> FoundLine:
        return FoundLine("", self.lists.find_image(number, offset), [])

    def _fit(self, row: FoundLine, image: bytes) -> np.ndarray:
        """Returns the grey levels of a row's image, uint8 [the model's height, W]; raises Refused."""
        levels = make_dark_on_light(images.decode(image), self.info.invert)
        return fitting.fit_for_reading(levels, self.info.geometry, self.info.fit).levels

    def explain_missing(self, rows: int) -> str:
        """Returns why the first image does not exist, if none of the first `rows` images exists; else ""."""
        first = ""
        for number, _, offset, *_ in self.plan.read(0, rows).tolist():
            try:
                path = self.lists.find_image(number, offset)
                storage.size(path)
            except (FileNotFoundError, NotADirectoryError):
                first = first or f"no file {path}"
            except Refused as refusal:
                first = first or str(refusal)
            except OSError:  # also storage.NoPermission; how many rows are refused decides
                return ""
            else:
                return ""
        return first
