"""Readings as rows of text: tab-separated, JSON, or the bare texts."""

import json
import os

from densenet_ocr.model.reading.reading import Reading
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.ui.tsv import join_cells


def write_tsv(name: str, outcome: Reading | Refused) -> str | None:
    """path<TAB>text<TAB>confidence; None for an image that was not read, which standard error tells of."""
    if isinstance(outcome, Refused):
        return None
    return join_cells([name, outcome.text, f"{outcome.confidence:.4f}"])


def write_text(name: str, outcome: Reading | Refused) -> str | None:
    """The text alone, its line ends escaped; an empty row for an image that was not read."""
    return "" if isinstance(outcome, Refused) else join_cells([outcome.text])


def write_json(name: str, outcome: Reading | Refused) -> str | None:
    """An object a row: path, text, confidence and characters with their places; or path, refused and detail."""
    # In JSON bytes of a path that are not UTF-8 stand as \xNN: half a surrogate pair is not for every parser.
    name = os.fsencode(name).decode("utf-8", "backslashreplace")
    if isinstance(outcome, Refused):
        content = {"path": name, "refused": outcome.reason, "detail": outcome.detail}
    else:
        characters = [
            {
                "text": character.text,
                "confidence": round(character.confidence, 4),
                "start": round(character.start, 1),
                "end": round(character.end, 1),
            }
            for character in outcome.characters
        ]
        content = {"path": name, "text": outcome.text, "confidence": round(outcome.confidence, 4)}
        content["characters"] = characters
    return json.dumps(content, ensure_ascii=False)


WRITERS = {"tsv": write_tsv, "json": write_json, "text": write_text}
