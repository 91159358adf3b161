"""Reads images and prints their texts: what ocr-predict does."""

import collections
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from absl import logging

from densenet_ocr.model.reading.config import PredictConfig
from densenet_ocr.model.reading.image_paths import NamedImage
from densenet_ocr.model.reading.pictures import ShownLine, draw_shown_lines
from densenet_ocr.model.reading.reading import Reading
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.imaging.fitting import FittedLine
from densenet_ocr.pipeline.ui.command import print_row
from densenet_ocr.pipeline.ui.picture import save_png
from densenet_ocr.pipeline.ui.progress import Progress
from densenet_ocr.pipeline.ui.tsv import join_cells

FormatRow = Callable[[str, Reading | Refused], str | None]


def predict(recognizer: Recognizer, images: Sequence[NamedImage], config: PredictConfig) -> int:
    """Prints a row for each image, in order; reports refused images on standard error.

    Args:
      recognizer: The recognizer to read with.
      images: The images to read.
      config: Format of the rows, and the picture of the first lines to draw, if any.

    Returns:
      The number of refused images.

    Raises:
      UserError: the picture or standard output cannot be written.
    """
    refused: collections.Counter[str] = collections.Counter()
    shown: list[ShownLine] = []
    if config.show:
        storage.check_writable(config.show)  # now, not after all lines are read
    for image, line, outcome in _read(recognizer, images):
        row = FORMATS[config.format](image.name, outcome)
        if row is not None:
            print_row(row)
        if isinstance(outcome, Refused):
            print(f"error: {image.name}: {outcome}", file=sys.stderr)
            refused[outcome.reason] += 1
        elif config.show and len(shown) < config.show_lines and isinstance(line, FittedLine):
            shown.append(ShownLine(image.name, line, outcome))
    _log_counts(len(images), refused)
    if config.show and shown:
        save_png(draw_shown_lines(shown, font=config.font), config.show)
    return refused.total()


def format_tsv(name: str, outcome: Reading | Refused) -> str | None:
    """Returns path<TAB>text<TAB>confidence; None for a refused image.

    Text and confidence of further alternatives follow, and the reason of an empty text.
    """
    if isinstance(outcome, Refused):
        return None
    cells = [name, outcome.text, f"{outcome.confidence:.4f}"]
    for text, confidence in outcome.alternatives[0 if outcome.reason else 1 :]:
        cells += [text, f"{confidence:.4f}"]
    return join_cells([*cells, outcome.reason] if outcome.reason else cells)


def format_text(name: str, outcome: Reading | Refused) -> str:
    """Returns the text alone, with line ends escaped; an empty row for a refused image."""
    return "" if isinstance(outcome, Refused) else join_cells([outcome.text])


def format_json(name: str, outcome: Reading | Refused) -> str:
    """Returns a JSON object: path, text, confidence and characters; path, refused and detail if refused.

    Alternatives and the reason of an empty text are there if the reading has them.
    """
    # Bytes of a path that are not UTF-8 become \xNN: many parsers refuse half a surrogate pair.
    path = os.fsencode(name).decode("utf-8", "backslashreplace")
    return json.dumps({"path": path, **_describe(outcome)}, ensure_ascii=False)


FORMATS: Mapping[str, FormatRow] = {"tsv": format_tsv, "json": format_json, "text": format_text}


def _describe(outcome: Reading | Refused) -> dict[str, Any]:
    if isinstance(outcome, Refused):
        return {"refused": outcome.reason, "detail": outcome.detail}
    characters = [
        {
            "text": character.text,
            "confidence": round(character.confidence, 4),
            "start": round(character.start, 1),
            "end": round(character.end, 1),
        }
        for character in outcome.characters
    ]
    content = {"text": outcome.text, "confidence": round(outcome.confidence, 4), "characters": characters}
    if outcome.alternatives:
        content["alternatives"] = [
            {"text": text, "confidence": round(confidence, 4)} for text, confidence in outcome.alternatives
        ]
    return content | ({"reason": outcome.reason} if outcome.reason else {})


def _read(
    recognizer: Recognizer, images: Sequence[NamedImage]
) -> Iterator[tuple[NamedImage, FittedLine | Refused, Reading | Refused]]:
    # On a terminal the rows themselves show the progress.
    progress = None if sys.stdout.isatty() else Progress("read", len(images), "lines")
    outcomes = recognizer.read_with_lines(image.path for image in images)
    for number, (image, outcome) in enumerate(zip(images, outcomes, strict=True), start=1):
        yield image, *outcome
        if progress:
            progress.show(number)


def _log_counts(count: int, refused: collections.Counter[str]) -> None:
    reasons = "".join(f", {number} {reason}" for reason, number in sorted(refused.items()))
    logging.info("%d lines: %d read%s", count, count - refused.total(), reasons)
