"""A shard of transcripts: a row of text for a row of a list, in its order.

Columns are path, text, confidence and reason, parted by tabs, and no header: shards join with cat, and row k of
the whole is row k of the lists. In a cell backslash, tab, CR and LF stand as \\\\, \\t, \\r and \\n, and a byte
of a path that is no text as \\xNN. A line that was not read has no text, confidence 0 and its reason, a key of
pipeline.errors.REASONS; others have none.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple, Protocol

import google_crc32c
import numpy as np

from densenet_ocr.beam_jobs.engine.job import Job, RefusedRow
from densenet_ocr.beam_jobs.engine.reports import Report
from densenet_ocr.beam_jobs.engine.row_counter import RowCounter
from densenet_ocr.beam_jobs.engine.shard_run import make_shard
from densenet_ocr.beam_jobs.sources.image_source import ImageRow
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.buckets import GROWTH, batch_by_width, pad_lines
from densenet_ocr.pipeline.dataset_info import ShardInfo
from densenet_ocr.pipeline.ui.tsv import join_cells, split_cells

COLUMNS = ("path", "text", "confidence", "reason")

# Batches whose lines are sorted by width together, so that little is padding.
_WINDOW = 16

# Lines of a window have about so many pixels at most, however long they are: 1,800 of the notebook's size.
_WINDOW_PIXELS = 1 << 24


# The character that Python's "surrogateescape" lets stand for byte 0, were it no text, and those for all bytes.
_FIRST_BYTE = 0xDC00
_NO_TEXT = re.compile("[\udc00-\udcff]")

# A byte that was no text, or a backslash that is one: of x5c behind the latter nothing is made.
_ESCAPED_BYTE = re.compile(r"\\(?:\\|x([0-9a-f]{2}))")


class LineModel(Protocol):
    """What reads lines, such as pipeline.exports.saved_model.SavedModel."""

    def read(self, levels: np.ndarray, widths: np.ndarray) -> tuple[list[str], list[float]]:
        """Texts and confidences of uint8 [B, H, W] whose lines are `widths`, int32 [B], wide."""


class Transcript(NamedTuple):
    """One row: the path as the list has it, what was read there and how surely, or why nothing was."""

    path: str
    text: str
    confidence: float
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TranscriptJob(Job):
    """A job whose shards hold transcripts; a worker gets its model by `load` of the folder `model`."""

    suffix = ".tsv"

    model: str
    load: Callable[[str], LineModel]
    batch_size: int


def write_transcripts(job: TranscriptJob, number: int, model: LineModel) -> Report:
    """Writes a shard and its report, unless both are there; returns the report."""

    def write(file: BinaryIO) -> Report:
        refused, rows, size, checksum = [], 0, 0, 0
        with RowCounter(job, number) as counter:
            for window in _part(job.source.read(number), _WINDOW * job.batch_size):
                data = b"".join(map(_format, _read_window(window, model, job.batch_size, counter)))
                file.write(data)
                rows, size = rows + len(window), size + len(data)
                checksum = google_crc32c.extend(checksum, data)
                refused += [row.line for row in window if isinstance(row.line, RefusedRow)]
        info = ShardInfo(job.shard_name(number), rows - len(refused), size, f"{checksum:08x}")
        return Report(info, refused, {})

    return make_shard(job, number, write)


def read_transcripts(path: str) -> Iterator[Transcript]:
    """The rows of a shard, or of several joined."""
    with open(storage.local_path(path), encoding="utf-8", newline="\n") as file:
        for row in file:
            path, text, confidence, reason = split_cells(_ESCAPED_BYTE.sub(_unescape, row.removesuffix("\n")))
            yield Transcript(path, text, float(confidence), reason)


def _unescape(found: re.Match) -> str:
    return chr(_FIRST_BYTE + int(found[1], 16)) if found[1] else found[0]


def _format(row: Transcript) -> bytes:
    # Four digits, as predict prints: more would tell batches and machines apart, not lines.
    text = join_cells([row.path, row.text, f"{row.confidence:.4f}", row.reason]) + "\n"
    try:
        return text.encode()
    except UnicodeEncodeError:  # for a byte that was no text
        return _NO_TEXT.sub(lambda found: f"\\x{ord(found[0]) - _FIRST_BYTE:02x}", text).encode(
            "utf-8", "backslashreplace"
        )


def _part(rows: Iterable[ImageRow], most: int) -> Iterator[list[ImageRow]]:
    """Windows of `most` rows, or fewer where their lines are long."""
    window, pixels = [], 0
    for row in rows:
        window.append(row)
        pixels += 0 if isinstance(row.line, RefusedRow) else row.line.size
        if len(window) == most or pixels >= _WINDOW_PIXELS:
            yield window
            window, pixels = [], 0
    if window:
        yield window


def _read_window(
    window: list[ImageRow], model: LineModel, batch_size: int, counter: RowCounter
) -> list[Transcript]:
    transcripts = [
        Transcript(row.path, "", 0.0, row.line.reason) if isinstance(row.line, RefusedRow) else None
        for row in window
    ]
    places = [place for place, found in enumerate(transcripts) if not found]
    counter.add(len(window) - len(places))
    widths = [window[place].line.shape[1] for place in places]
    for batch in batch_by_width(widths, size=batch_size, most=GROWTH):
        chosen = [places[k] for k in batch]
        texts, confidences = model.read(*pad_lines([window[place].line for place in chosen]))
        for place, text, confidence in zip(chosen, texts, confidences, strict=True):
            transcripts[place] = Transcript(window[place].path, text, confidence, "")
        counter.add(len(batch))
    return transcripts
