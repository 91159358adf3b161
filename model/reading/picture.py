"""A sheet of lines with truth and reading, for people who would rather look than read."""

from typing import NamedTuple

import numpy as np
import PIL.Image

from densenet_ocr.pipeline.ui.picture import (
    GREY,
    MARGIN,
    RIGHT,
    WRONG,
    Typeface,
    choose_typeface,
    new_sheet,
    paste_line,
)

HEADER = ("truth", "reading", "confidence")
_TEXT_SIZE = 18


class ReadLine(NamedTuple):
    """A line's grey levels (uint8 [H, W]), what it says, what was read, and the reading's confidence."""

    levels: np.ndarray
    truth: str
    text: str
    confidence: float


def draw_readings(lines: list[ReadLine], *, font: str | None = None) -> PIL.Image.Image:
    """Draws each line beside its truth and its reading, wrong ones in red.

    `font` names a font file; without one a font of the machine that has the characters is looked for.
    """
    rows = [HEADER, *((line.truth, line.text, f"{line.confidence:.3f}") for line in lines)]
    face = choose_typeface((text for row in rows for text in row), size=_TEXT_SIZE, font=font)
    columns = _place_columns(rows, face, max(line.levels.shape[1] for line in lines) + 2 * MARGIN)
    heights = [max(line.levels.shape[0], _TEXT_SIZE) + MARGIN for line in lines]
    top = 2 * MARGIN + _TEXT_SIZE
    sheet = new_sheet(columns[-1], top + sum(heights) + MARGIN)
    _draw_row(sheet, columns, top // 2, face, HEADER, GREY)
    for line, cells, height in zip(lines, rows[1:], heights, strict=True):
        paste_line(sheet, (MARGIN, top), line.levels)
        middle = top + (height - MARGIN) // 2
        _draw_row(sheet, columns, middle, face, cells, RIGHT if line.text == line.truth else WRONG)
        top += height
    return sheet


def _place_columns(rows: list[tuple[str, ...]], face: Typeface, left: int) -> list[int]:
    """Where each column begins, and where the last one ends."""
    columns = [left]
    for cells in zip(*rows, strict=True):
        columns.append(columns[-1] + max(map(face.measure, cells)) + 2 * MARGIN)
    return columns


def _draw_row(sheet, columns: list[int], middle: int, face: Typeface, cells: tuple[str, ...], colour) -> None:
    baseline = middle + round(0.35 * face.size)  # capitals are about 0.7 of a font's size high
    for x, text in zip(columns, cells, strict=False):
        face.draw(sheet, (x, baseline), text, colour)
