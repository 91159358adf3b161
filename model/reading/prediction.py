"""Reads named images and tells what they say, row by row."""

import collections
import sys
from collections.abc import Callable, Iterator, Sequence

from absl import logging

from densenet_ocr.model.reading.named_images import NamedImage
from densenet_ocr.model.reading.reading import Reading
from densenet_ocr.model.reading.reading_picture import ShownLine, draw_shown_lines
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.images import FittedLine
from densenet_ocr.pipeline.ui.command import print_row
from densenet_ocr.pipeline.ui.picture import save_png
from densenet_ocr.pipeline.ui.progress import Progress


def predict(
    recognizer: Recognizer,
    images: Sequence[NamedImage],
    *,
    write: Callable[[str, Reading | Refused], str | None],
    show: str | None = None,
    show_lines: int = 16,
    font: str | None = None,
) -> int:
    """Prints a row (see reading_rows) for each image, in order; returns how many could not be read.

    Those are told of on standard error. With `show` the first lines that were read are drawn into a PNG file.
    """
    refused, shown = collections.Counter(), []
    if show:
        storage.check_writable(show)  # now, not when all lines are read
    for image, line, outcome in _read(recognizer, images):
        row = write(image.name, outcome)
        if row is not None:
            print_row(row)
        if isinstance(outcome, Refused):
            print(f"error: {image.name}: {outcome}", file=sys.stderr)
            refused[outcome.reason] += 1
        elif show and len(shown) < show_lines:
            shown.append(ShownLine(image.name, line, outcome))
    _report(len(images), refused)
    if shown:
        save_png(draw_shown_lines(shown, font=font), show)
    return refused.total()


def _read(
    recognizer: Recognizer, images: Sequence[NamedImage]
) -> Iterator[tuple[NamedImage, FittedLine | Refused, Reading | Refused]]:
    # Rows on a terminal show by themselves how far it is.
    progress = None if sys.stdout.isatty() else Progress("read", len(images), "lines")
    outcomes = recognizer.read_with_lines(image.path for image in images)
    for number, (image, outcome) in enumerate(zip(images, outcomes, strict=True), start=1):
        yield image, *outcome
        if progress:
            progress.show(number)


def _report(count: int, refused: collections.Counter) -> None:
    reasons = "".join(f", {number} {reason}" for reason, number in sorted(refused.items()))
    logging.info("%d lines: %d read%s", count, count - refused.total(), reasons)
