"""Pictures of lines with their readings: truth beside reading, and characters below their places."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageDraw

from densenet_ocr.model.reading.reading import LineResult, ReadCharacter, Reading, read_lines
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.decoder import Decoder
from densenet_ocr.pipeline.imaging.fitting import FittedLine
from densenet_ocr.pipeline.inference_model import InferenceModel
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

HEADER = ("truth", "reading", "confidence")
_TEXT_SIZE, _SMALL_SIZE = 18, 12
_CHARACTER_SIZE = 20
_BAR = 24  # height of the bar of a confidence of 1
_ENLARGED = 2  # two digits fit below a character of 12 pixels


class FirstLines:
    """The first lines of a split, kept in memory to be read by a model as it improves.

    Args:
      count: Number of lines; fewer if the split has fewer.
      folder: Folder of the data set.
      info: Its description.
      split: The split.
      cache: Local folder for copies of remote shards, see training_input.
    """

    def __init__(self, count: int, *, folder: str, info: DatasetInfo, split: str, cache: str | None = None):
        from densenet_ocr.pipeline.dataset import read_first_lines  # loads TensorFlow

        self._lines = read_first_lines(folder=folder, info=info, split=split, count=count, cache=cache)
        self._charset = info.charset

    def read(
        self, model: InferenceModel, *, batch_size: int = 64, decoder: Decoder | None = None
    ) -> list[LineResult]:
        """Reads the lines with a model, which decodes greedily where there is no decoder."""
        levels = [line.levels for line in self._lines]
        readings = read_lines(model, levels, batch_size=batch_size, decoder=decoder)
        return [
            LineResult(line.key, line.levels, self._charset.decode(line.label), reading)
            for line, reading in zip(self._lines, readings, strict=True)
        ]


class ShownLine(NamedTuple):
    """An image's name, its line as the model got it, and its reading with places in the image's pixels."""

    name: str
    line: FittedLine
    reading: Reading


def draw_readings(lines: Sequence[LineResult], *, font: str | None = None) -> PIL.Image.Image:
    """Draws each line beside its truth and its reading, wrong readings in red.

    Args:
      lines: At least one line.
      font: Font file; by default an installed one that has the texts' characters.
    """
    rows = [HEADER, *((line.truth, line.reading.text, f"{line.reading.confidence:.3f}") for line in lines)]
    face = choose_typeface((text for row in rows for text in row), size=_TEXT_SIZE, font=font)
    columns = _place_columns(rows, face, max(line.levels.shape[1] for line in lines) + 2 * MARGIN)
    heights = [max(line.levels.shape[0], _TEXT_SIZE) + MARGIN for line in lines]
    top = 2 * MARGIN + _TEXT_SIZE
    sheet = new_sheet(columns[-1], top + sum(heights) + MARGIN)
    _draw_row(sheet, columns, top // 2, face, HEADER, GREY)
    for line, cells, height in zip(lines, rows[1:], heights, strict=True):
        paste_line(sheet, (MARGIN, top), line.levels)
        middle = top + (height - MARGIN) // 2
        _draw_row(sheet, columns, middle, face, cells, RIGHT if line.reading.text == line.truth else WRONG)
        top += height
    return sheet


def _place_columns(rows: Sequence[tuple[str, ...]], face: Typeface, left: int) -> list[int]:
    """Left edges of the columns, and the right edge of the last one, in pixels."""
    columns = [left]
    for cells in zip(*rows, strict=True):
        columns.append(columns[-1] + max(map(face.measure, cells)) + 2 * MARGIN)
    return columns


def _draw_row(
    sheet: PIL.Image.Image,
    columns: list[int],
    middle: int,
    face: Typeface,
    cells: tuple[str, ...],
    colour: Colour,
) -> None:
    """Draws the cells of a row, centred vertically on y = `middle`."""
    baseline = middle + round(0.35 * face.size)  # capitals are about 0.7 of a font's size high
    for x, text in zip(columns, cells, strict=False):
        face.draw(sheet, (x, baseline), text, colour)


def draw_shown_lines(lines: list[ShownLine], *, font: str | None = None) -> PIL.Image.Image:
    """Draws each line with its characters below their places, and below them confidences as bars and percent.

    Args:
      lines: At least one line.
      font: Font file; by default an installed one that has the texts' characters.
    """
    texts = [text for shown in lines for text in (shown.name, shown.reading.text)]
    face = choose_typeface([*texts, "0123456789"], size=_CHARACTER_SIZE, font=font)
    return frame(stack([_draw_line(shown, face) for shown in lines], gap=2 * MARGIN))


def _draw_line(shown: ShownLine, face: Typeface) -> PIL.Image.Image:
    levels = np.kron(shown.line.levels, np.ones((_ENLARGED, _ENLARGED), np.uint8))
    small, reading = face.at(_SMALL_SIZE), shown.reading
    title = f"{shown.name}   confidence {reading.confidence:.3f}" + ("" if reading.text else "   nothing read")
    height, width = levels.shape
    top = _SMALL_SIZE + MARGIN
    sheet = new_sheet(
        max(width + 2, small.measure(title)), top + height + 2 * MARGIN + _CHARACTER_SIZE + _BAR + _SMALL_SIZE
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
    """Draws a character below its place, and below it its confidence as a bar and in percent."""
    start, end = round(character.start * scale) + 1, round(character.end * scale) + 1
    middle, baseline = (start + end) // 2, top + _CHARACTER_SIZE
    colour = choose_colour(character.confidence)
    canvas = PIL.ImageDraw.Draw(sheet)
    canvas.line((start, top, end - 2, top), fill=colour, width=2)
    face.draw(sheet, (middle, baseline), character.text, INK, "ms")
    foot = baseline + MARGIN // 2 + _BAR
    canvas.rectangle((middle - 5, foot - _BAR, middle + 5, foot), outline=RULE)
    canvas.rectangle((middle - 5, foot - round(_BAR * character.confidence), middle + 5, foot), fill=colour)
    # Rounded down, so that only a confidence of 1 is 100.
    figure = str(int(100 * character.confidence))
    face.at(_SMALL_SIZE).draw(sheet, (middle, foot + _SMALL_SIZE), figure, GREY, "ms")


def choose_colour(confidence: float) -> Colour:
    """Returns red for confidences up to 0.5, green for 1, and mixtures between."""
    share = min(1.0, max(0.0, 2 * confidence - 1))
    red, green, blue = (round(low + share * (high - low)) for low, high in zip(WRONG, RIGHT, strict=True))
    return red, green, blue
