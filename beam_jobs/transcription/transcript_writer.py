"""Shards of transcripts: one row of text for each row of the lists, in their order.

The columns are path, text, confidence and reason, separated by tabs, without a header, so that cat joins
shards and row k of the whole is row k of the lists. In a cell backslash, tab, CR and LF are written as \\\\,
\\t, \\r and \\n, and a byte of a path that is not text as \\xNN. A line that was not read has no text,
confidence 0 and its reason, a key of pipeline.errors.REASONS; the others have no reason, or `no_entry` where no
entry of a lexicon fits.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np

from densenet_ocr.beam_jobs.engine.shard_job import Checksum, Count, Report, ShardWriter
from densenet_ocr.beam_jobs.engine.source import RefusedRow
from densenet_ocr.beam_jobs.transcription.image_source import ImageRow
from densenet_ocr.pipeline.buckets import GROWTH, batch_by_width, pad_lines
from densenet_ocr.pipeline.dataset_info import ShardInfo
from densenet_ocr.pipeline.ui.tsv import join_cells

COLUMNS = ("path", "text", "confidence", "reason")

# Batches whose lines are sorted by width together, so that there is little padding.
_WINDOW_BATCHES = 16

# The most pixels of a window's lines, however long they are: 1,800 lines of 280x32.
_WINDOW_PIXELS = 1 << 24

# The surrogates that stand for bytes 0 to 255 that are not text; see transcription.image_source.
_FIRST_BYTE = 0xDC00
_NOT_TEXT = re.compile("[\udc00-\udcff]")


class LineText(NamedTuple):
    """The text of a line, its confidence from 0 to 1, and the reason if a decoder found no text."""

    text: str
    confidence: float
    reason: str = ""


class LineModel(Protocol):
    """A model that reads lines; transcription.inference makes one of an export.

    Attributes:
      takes_padding: Whether the lines of a batch may differ in width.
    """

    takes_padding: bool

    def read(self, levels: np.ndarray, widths: np.ndarray) -> list[LineText]:
        """Reads a batch of lines.

        Args:
          levels: Grey levels, uint8 [B, H, W]; columns after a line's width are ignored.
          widths: Widths of the lines, int32 [B].

        Returns:
          What is in each line.
        """


@dataclasses.dataclass(frozen=True)
class TranscriptWriter(ShardWriter):
    """Reads the lines of a shard and writes their transcripts; see engine.shard_job.ShardWriter.

    Attributes:
      batch_size: Largest number of lines that the model reads at once.
      model: Reads the lines; only a worker has one.
    """

    batch_size: int
    model: LineModel | None = None
    suffix = ".tsv"
    stored_as = "transcripts"

    def write(self, name: str, lines: Iterable[ImageRow], file: BinaryIO, count: Count) -> Report:
        """See ShardWriter."""
        refused: list[RefusedRow] = []
        rows, checksum = 0, Checksum()
        for window in _split_windows(lines, _WINDOW_BATCHES * self.batch_size):
            texts = self._read_window(window, count)
            data = b"".join(_format(row.path, *text) for row, text in zip(window, texts, strict=True))
            file.write(data)
            checksum.add(data)
            rows += len(window)
            refused += [row.line for row in window if isinstance(row.line, RefusedRow)]
        return Report(ShardInfo(name, rows - len(refused), checksum.bytes, checksum.crc32c), refused, {})

    def _read_window(self, window: list[ImageRow], count: Count) -> list[LineText]:
        if self.model is None:
            raise ValueError("a transcript writer without a model")
        found: dict[int, LineText] = {}
        lines: dict[int, np.ndarray] = {}
        for place, row in enumerate(window):
            if isinstance(row.line, RefusedRow):
                found[place] = LineText("", 0.0, row.line.reason)
            else:
                lines[place] = row.line
        count(len(found))
        places = list(lines)
        widths = [line.shape[1] for line in lines.values()]
        growth = GROWTH if self.model.takes_padding else 1
        for batch in batch_by_width(widths, size=self.batch_size, most=growth):
            chosen = [places[k] for k in batch]
            texts = self.model.read(*pad_lines([lines[place] for place in chosen]))
            found |= zip(chosen, texts, strict=True)
            count(len(batch))
        return [found[place] for place in range(len(window))]


def _format(path: str, text: str, confidence: float, reason: str) -> bytes:
    # Four digits, as ocr-predict prints: more would tell batch sizes and machines apart, not lines.
    row = join_cells([path, text, f"{confidence:.4f}", reason]) + "\n"
    try:
        return row.encode()
    except UnicodeEncodeError:  # the path has a byte that is not text
        return _NOT_TEXT.sub(lambda found: f"\\x{ord(found[0]) - _FIRST_BYTE:02x}", row).encode(
            "utf-8", "backslashreplace"
        )


def _split_windows(rows: Iterable[ImageRow], most: int) -> Iterator[list[ImageRow]]:
    """Yields windows of `most` rows, or fewer where their lines are long."""
    window, pixels = [], 0
    for row in rows:
        window.append(row)
        pixels += 0 if isinstance(row.line, RefusedRow) else row.line.size
        if len(window) == most or pixels >= _WINDOW_PIXELS:
            yield window
            window, pixels = [], 0
    if window:
        yield window
