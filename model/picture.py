"""A sheet of lines with truth and reading, for people who would rather look than read."""

import io
import math
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from pipeline import storage

RIGHT, WRONG, GREY, PAPER = (22, 110, 60), (190, 30, 30), (110, 110, 110), (255, 255, 255)
HEADER = ("truth", "reading", "confidence")
_MARGIN, _TEXT_SIZE = 12, 18


class ReadLine(NamedTuple):
    """A line's grey levels (uint8 [H, W]), what it says, what was read, and the reading's confidence."""

    levels: np.ndarray
    truth: str
    text: str
    confidence: float


def draw_readings(lines: list[ReadLine], *, font: str | None = None) -> PIL.Image.Image:
    """Draws each line beside its truth and its reading, wrong ones in red.

    `font` names a font file; without one Pillow's own is used, which has Latin letters and digits only.
    """
    face = PIL.ImageFont.truetype(font, _TEXT_SIZE) if font else PIL.ImageFont.load_default(_TEXT_SIZE)
    rows = [HEADER, *((line.truth, line.text, f"{line.confidence:.3f}") for line in lines)]
    columns = _place_columns(rows, face, max(line.levels.shape[1] for line in lines) + 2 * _MARGIN)
    heights = [max(line.levels.shape[0], _TEXT_SIZE) + _MARGIN for line in lines]
    sheet = PIL.Image.new("RGB", (columns[-1], sum(heights) + 3 * _MARGIN + _TEXT_SIZE), PAPER)
    draw, y = PIL.ImageDraw.Draw(sheet), _TEXT_SIZE + 2 * _MARGIN
    _draw_row(draw, columns, _MARGIN, face, HEADER, GREY)
    for line, cells, height in zip(lines, rows[1:], heights, strict=True):
        sheet.paste(PIL.Image.fromarray(line.levels), (_MARGIN, y))
        middle = y + (height - _MARGIN - _TEXT_SIZE) // 2
        _draw_row(draw, columns, middle, face, cells, RIGHT if line.text == line.truth else WRONG)
        y += height
    return sheet


def save_png(sheet: PIL.Image.Image, path: str) -> None:
    """Writes a picture as PNG."""
    data = io.BytesIO()
    sheet.save(data, "PNG", optimize=True)
    storage.write_atomically(path, data.getvalue())


def _place_columns(rows: list[tuple[str, ...]], face, left: int) -> list[int]:
    """Where each column begins, and where the last one ends."""
    columns = [left]
    for cells in zip(*rows, strict=True):
        columns.append(columns[-1] + math.ceil(max(map(face.getlength, cells))) + 2 * _MARGIN)
    return columns


def _draw_row(draw, columns: list[int], y: int, face, cells: tuple[str, ...], colour) -> None:
    for x, text in zip(columns, cells, strict=False):
        draw.text((x, y), text, fill=colour, font=face)
