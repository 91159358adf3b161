"""A sheet of lines with truth and reading, for people who would rather look than read."""

import io
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from pipeline import storage

RIGHT, WRONG, GREY, PAPER = (22, 110, 60), (190, 30, 30), (110, 110, 110), (255, 255, 255)
_MARGIN, _TEXT_SIZE, _COLUMN = 12, 18, 220


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
    line_width = max(line.levels.shape[1] for line in lines)
    heights = [max(line.levels.shape[0], _TEXT_SIZE) + _MARGIN for line in lines]
    left = line_width + 2 * _MARGIN
    sheet = PIL.Image.new("RGB", (left + 2 * _COLUMN + 90, sum(heights) + 3 * _MARGIN + _TEXT_SIZE), PAPER)
    draw = PIL.ImageDraw.Draw(sheet)
    y = _draw_row(draw, left, _MARGIN, face, ("truth", "reading", "confidence"), GREY) + _MARGIN
    for line, height in zip(lines, heights, strict=True):
        sheet.paste(PIL.Image.fromarray(line.levels), (_MARGIN, y))
        colour = RIGHT if line.text == line.truth else WRONG
        _draw_row(draw, left, y, face, (line.truth, line.text, f"{line.confidence:.3f}"), colour)
        y += height
    return sheet


def save_png(sheet: PIL.Image.Image, path: str) -> None:
    """Writes a picture as PNG."""
    data = io.BytesIO()
    sheet.save(data, "PNG", optimize=True)
    storage.write_atomically(path, data.getvalue())


def _draw_row(draw, left: int, y: int, face, cells: tuple[str, str, str], colour) -> int:
    for column, text in enumerate(cells):
        draw.text((left + column * _COLUMN, y), text, fill=colour, font=face)
    return y + _TEXT_SIZE
