"""Lines with what was read below each place of them, and how sure of it the model was."""

from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageDraw

from densenet_ocr.model.reading.reading import ReadCharacter, Reading
from densenet_ocr.pipeline.images import FittedLine
from densenet_ocr.pipeline.ui.picture import (
    GREY,
    INK,
    MARGIN,
    RIGHT,
    RULE,
    WRONG,
    Colour,
    Typeface,
    choose_typeface,
    frame,
    new_sheet,
    paste_line,
    stack,
)

_TEXT_SIZE, _SMALL_SIZE = 20, 12
_BAR = 24  # height of a bar that stands for a confidence of 1
_ENLARGED = 2  # so that two figures fit below a character of 12 pixels


class ShownLine(NamedTuple):
    """A line's name, its levels as the network got them, and its reading in the image's pixels."""

    name: str
    line: FittedLine
    reading: Reading


def draw_shown_lines(lines: list[ShownLine], *, font: str | None = None) -> PIL.Image.Image:
    """Draws each line with its characters where they were read, and their confidences as bars in percent."""
    texts = [text for shown in lines for text in (shown.name, shown.reading.text)]
    face = choose_typeface([*texts, "0123456789"], size=_TEXT_SIZE, font=font)
    return frame(stack([_draw_line(shown, face) for shown in lines], gap=2 * MARGIN))


def _draw_line(shown: ShownLine, face: Typeface) -> PIL.Image.Image:
    levels = np.kron(shown.line.levels, np.ones((_ENLARGED, _ENLARGED), np.uint8))
    small, reading = face.at(_SMALL_SIZE), shown.reading
    title = f"{shown.name}   confidence {reading.confidence:.3f}" + ("" if reading.text else "   nothing read")
    height, width = levels.shape
    top = _SMALL_SIZE + MARGIN
    sheet = new_sheet(
        max(width + 2, small.measure(title)), top + height + 2 * MARGIN + _TEXT_SIZE + _BAR + _SMALL_SIZE
    )
    small.draw(sheet, (0, _SMALL_SIZE), title, GREY)
    paste_line(sheet, (1, top), levels)
    scale = _ENLARGED / shown.line.scale
    for character in reading.characters:
        _draw_character(sheet, character, scale, top + height + MARGIN // 2, face)
    return sheet


def _draw_character(
    sheet: PIL.Image.Image, character: ReadCharacter, scale: float, top: int, face: Typeface
) -> None:
    """The character below its place, and below that its confidence: a bar and a figure."""
    start, end = round(character.start * scale) + 1, round(character.end * scale) + 1
    middle, baseline = (start + end) // 2, top + _TEXT_SIZE
    colour = choose_colour(character.confidence)
    canvas = PIL.ImageDraw.Draw(sheet)
    canvas.line((start, top, end - 2, top), fill=colour, width=2)
    face.draw(sheet, (middle, baseline), character.text, INK, "ms")
    foot = baseline + MARGIN // 2 + _BAR
    canvas.rectangle((middle - 5, foot - _BAR, middle + 5, foot), outline=RULE)
    canvas.rectangle((middle - 5, foot - round(_BAR * character.confidence), middle + 5, foot), fill=colour)
    # Rounded down, so that only certainty is a hundred.
    figure = str(int(100 * character.confidence))
    face.at(_SMALL_SIZE).draw(sheet, (middle, foot + _SMALL_SIZE), figure, GREY, "ms")


def choose_colour(confidence: float) -> Colour:
    """From red at 0.5 and less to green at 1."""
    share = min(1.0, max(0.0, 2 * confidence - 1))
    return tuple(round(low + share * (high - low)) for low, high in zip(WRONG, RIGHT, strict=True))
