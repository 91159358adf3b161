"""List files as a source of images alone: for every row its path, and the line as a model reads it."""

import codecs
import dataclasses
import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from densenet_ocr.beam_jobs.engine.job import RefusedRow
from densenet_ocr.beam_jobs.sources.list_source import ListSource
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.line_list import parse_path, resolve_path, split_row

# What bytes that are no text in a list's encoding become: characters that stand for them, as "surrogateescape"
# has them, but also bytes below 128, which some encodings refuse.
_KEEP = "keep_bytes"


def _keep_bytes(error: UnicodeDecodeError) -> tuple[str, int]:
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_KEEP, _keep_bytes)


class ImageRow(NamedTuple):
    """A row's path, and its line's grey levels (uint8 [the model's height, W]) or why it has none.

    U+DC00 + b stands for a byte b of the path that is no text.
    """

    path: str
    line: np.ndarray | RefusedRow


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSource(ListSource):
    """Rows of some lists in the plan's order; what follows a path is not looked at."""

    def read(self, shard: int) -> Iterator[ImageRow]:
        """All rows of a shard."""
        for number, offset, line in self.read_rows(shard):
            path = split_row(self.read_row(number, offset))[0]
            yield ImageRow(path.decode(self.list_encoding, _KEEP), line)

    def find_image(self, rows: int) -> str:
        """Nothing if an image of the first rows is there, readable or not; otherwise why the first is not."""
        first = ""
        for number, _, offset, *_ in self._plan[:rows].tolist():
            try:
                os.stat(resolve_path(parse_path(self.read_row(number, offset), self.list_encoding), self._root))
            except (FileNotFoundError, NotADirectoryError) as error:
                first = first or f"no file {error.filename}"
            except Refused as refusal:
                first = first or str(refusal)
            except OSError:
                return ""
            else:
                return ""
        return first

    def read_line(self, number: int, offset: int) -> np.ndarray:
        """The grey levels of a row's image; raises Refused."""
        key = parse_path(self.read_row(number, offset), self.list_encoding)
        levels = images.decode(self.read_image(key))
        return images.fit_for_reading(levels, self.geometry, self.fit).levels
