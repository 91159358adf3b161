"""Preview: a sheet of synthetic lines, each above its text."""

import PIL.Image

from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.beam_jobs.synthesis.source import make_random
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.ui.picture import INK, MARGIN, choose_typeface, frame, new_sheet, paste_line

_COLUMNS, _TEXT_SIZE = 4, 14  # four lines of 280 pixels fit on a screen


def draw_preview(
    texts: list[tuple[str, int]], renderer: LineRenderer, *, seed: int, split: str
) -> PIL.Image.Image:
    """Returns a sheet of lines.

    Args:
      texts: Text and face index of each line.
      renderer: Renders the lines.
      seed: Seed of the synthesis.
      split: Name of the split.
    """
    rendered = [
        images.decode(renderer.render(text, face, make_random(seed, split, number)))
        for number, (text, face) in enumerate(texts)
    ]
    typeface = choose_typeface([text for text, _ in texts], size=_TEXT_SIZE)
    width = max(levels.shape[1] for levels in rendered) + 2 * MARGIN
    height = rendered[0].shape[0] + 2 * MARGIN + _TEXT_SIZE
    sheet = new_sheet(min(_COLUMNS, len(rendered)) * width, -(-len(rendered) // _COLUMNS) * height)
    for number, (levels, (text, _)) in enumerate(zip(rendered, texts, strict=True)):
        x, y = number % _COLUMNS * width + MARGIN, number // _COLUMNS * height + 1
        paste_line(sheet, (x, y), levels)
        typeface.draw(sheet, (x, y + levels.shape[0] + _TEXT_SIZE + 3), text, INK)
    return frame(sheet)
