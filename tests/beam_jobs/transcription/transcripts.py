"""Reads transcripts back."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui.tsv import split_cells

# The surrogates that stand for bytes 0 to 255 that are not text; see transcription.image_source.
_FIRST_BYTE = 0xDC00

# An escaped byte, or an escaped backslash, behind which x5c is not an escape.
_ESCAPED_BYTE = re.compile(r"\\(?:\\|x([0-9a-f]{2}))")


class Transcript(NamedTuple):
    """One row: the path in the list, the text and its confidence, and the reason if there is no text."""

    path: str
    text: str
    confidence: float
    reason: str


def read_transcripts(path: str) -> Iterator[Transcript]:
    """Yields the rows of a shard, or of several joined."""
    with storage.open_file(path) as file:
        for data in file:
            row = data.decode()
            path, text, confidence, reason = split_cells(_ESCAPED_BYTE.sub(_unescape, row.removesuffix("\n")))
            yield Transcript(path, text, float(confidence), reason)


def _unescape(found: re.Match[str]) -> str:
    return chr(_FIRST_BYTE + int(found[1], 16)) if found[1] else found[0]
