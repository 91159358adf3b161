"""A sheet of made lines, to look at before millions are drawn."""

import PIL.Image

from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.beam_jobs.synthesis.source import make_random
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.ui.picture import INK, MARGIN, choose_typeface, frame, new_sheet, paste_line

_COLUMNS, _TEXT_SIZE = 4, 14  # four of the notebook's lines beside each other fit a screen


def draw_preview(
    texts: list[tuple[str, int]], renderer: LineRenderer, *, seed: int, split: str
) -> PIL.Image.Image:
    """The lines of (text, face number) pairs, each over its text."""
    drawn = [
        images.decode(renderer.render(text, face, make_random(seed, split, number)))
        for number, (text, face) in enumerate(texts)
    ]
    typeface = choose_typeface([text for text, _ in texts], size=_TEXT_SIZE)
    width = max(levels.shape[1] for levels in drawn) + 2 * MARGIN
    height = drawn[0].shape[0] + 2 * MARGIN + _TEXT_SIZE
    sheet = new_sheet(min(_COLUMNS, len(drawn)) * width, -(-len(drawn) // _COLUMNS) * height)
    for number, (levels, (text, _)) in enumerate(zip(drawn, texts, strict=True)):
        x, y = number % _COLUMNS * width + MARGIN, number // _COLUMNS * height + 1
        paste_line(sheet, (x, y), levels)
        typeface.draw(sheet, (x, y + levels.shape[0] + _TEXT_SIZE + 3), text, INK)
    return frame(sheet)
