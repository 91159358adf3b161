"""The characters that the labels of some rows have, compared with a charset."""

import collections
from typing import NamedTuple

from densenet_ocr.beam_jobs.sources.rows import Rows
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.line_list import BLANKS
from densenet_ocr.pipeline.ui.progress import Progress

_BLANKS = BLANKS.decode()
_BLOCK = 4096  # labels that are read at once


class Missing(NamedTuple):
    """A character that a charset lacks: how often labels have it, and the first row with it as file:line."""

    character: str
    occurrences: int
    where: str


class LabelCharacters(NamedTuple):
    """What labels need of a charset.

    Attributes:
      labels: Number of labels.
      refused: Number of rows whose label cannot be read, or has ids beyond the charset.
      missing: Characters that the charset lacks, the most frequent first.
      unused: Characters of the charset that no label has, in its order.
    """

    labels: int
    refused: int
    missing: list[Missing]
    unused: str


def compare_labels(rows: Rows, charset: Charset) -> LabelCharacters:
    """Reads all labels, and compares their characters with a charset; raises UserError without rows."""
    scanned, refused = rows.scan(), 0
    counts: collections.Counter[str] = collections.Counter()
    first: dict[str, int] = {}
    progress = Progress("read labels", len(scanned), "rows")
    for start in range(0, len(scanned), _BLOCK):
        texts = [_read_text(label, charset) for label in rows.labels(scanned[start : start + _BLOCK])]
        refused += texts.count(None)
        counts.update("".join(filter(None, texts)))
        for character in set(counts).difference(first):
            first[character] = next(start + k for k, text in enumerate(texts) if text and character in text)
        progress.show(start)
    used = {k for character in counts if character in charset for k in charset.encode(character)}
    return LabelCharacters(
        labels=len(scanned) - refused,
        refused=refused,
        missing=[
            Missing(
                character,
                count,
                rows.describe(*scanned[first[character]][["list", "line", "offset"]].item())[0],
            )
            for character, count in counts.most_common()
            if character not in charset
        ],
        unused="".join(c for k, c in enumerate(charset.characters) if k not in used),
    )


def _read_text(label: str | list[bytes] | None, charset: Charset) -> str | None:
    """Returns the normal form of a label, which may be ids; None where it cannot be read."""
    if label is None:
        return None
    if isinstance(label, str):
        return charset.normalise(label).rstrip(_BLANKS)  # blanks at the end may be the list's
    try:
        return charset.decode(charset.encode_rows(label))
    except Refused:
        return None
