"""A picture of a data set: charts of each split's statistics, and some of its lines."""

import PIL.Image

from densenet_ocr.beam_jobs.inspection.line_sample import SampledLine, sample_lines
from densenet_ocr.beam_jobs.inspection.statistics import draw_charts, rank, read_counts
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo, SplitInfo
from densenet_ocr.pipeline.ui.picture import (
    GREY,
    INK,
    MARGIN,
    Typeface,
    choose_typeface,
    frame,
    new_sheet,
    paste_line,
    stack,
)

_GAP = 2 * MARGIN

# Width without margins, if no line is wider: four columns of 280 pixels.
WIDTH = 4 * (280 + 2) + 3 * _GAP

_HEADING_SIZE, _NOTE_SIZE, _TEXT_SIZE, _KEY_SIZE = 22, 13, 16, 12
_CHART_HEIGHT, _NARROWEST_CARD = 230, 160

# Characters that charts may name, so that the font should have them.
_NAMED = 40


def draw_dataset(
    *, folder: str, info: DatasetInfo, splits: list[str], lines: int, seed: int, font: str | None = None
) -> PIL.Image.Image:
    """Draws charts and random lines of each split, every line with its text and its key.

    Args:
      folder: Folder of the data set.
      info: Its description.
      splits: Names of the splits to draw.
      lines: Number of lines of each split.
      seed: Seed of their choice.
      font: A font file; by default a font of the machine that has the characters.

    Returns:
      An RGB picture.

    Raises:
      UserError: a shard cannot be read, or the file is not a font.
    """
    sampled = {
        name: sample_lines(folder=folder, info=info, split=name, count=lines, seed=seed) for name in splits
    }
    every_line = [line for some in sampled.values() for line in some]
    texts = [line.text + line.key for line in every_line] + [_find_frequent(info, name) for name in splits]
    face = choose_typeface(texts, size=_TEXT_SIZE, font=font)
    width = max([WIDTH, *(line.levels.shape[1] + 2 for line in every_line)])
    parts = []
    for name in splits:
        split = info.splits[name]
        charts = draw_charts(split, info.charset, size=(width, _CHART_HEIGHT), font=face.file)
        parts += [_draw_heading(name, info, width), charts]
        parts += [_draw_cards(sampled[name], width, face)] if sampled[name] else []
    return frame(stack(parts, gap=_GAP))


def _find_frequent(info: DatasetInfo, split: str) -> str:
    ranked = rank(read_counts(info.splits[split], "characters"))
    return "".join(info.charset.characters[k] for k in ranked[:_NAMED])


def _draw_heading(name: str, info: DatasetInfo, width: int) -> PIL.Image.Image:
    split, sheet = info.splits[name], new_sheet(width, _HEADING_SIZE + MARGIN + _NOTE_SIZE)
    Typeface(_HEADING_SIZE).draw(sheet, (0, _HEADING_SIZE - 4), name, INK)
    Typeface(_NOTE_SIZE).draw(sheet, (0, sheet.height - 4), _format_split(info, split), GREY)
    return sheet


def _format_split(info: DatasetInfo, split: SplitInfo) -> str:
    rows = f"{split.read:,} rows read, {split.written:,} written, {split.read - split.written:,} refused"
    size = storage.describe_size(sum(shard.bytes for shard in split.shards))
    shards = f"{len(split.shards):,} shard{'s' * (len(split.shards) != 1)}, {size}"
    return f"{rows}   |   {info.geometry}, {info.image_encoding}   |   {shards}"


def _draw_cards(lines: list[SampledLine], width: int, face: Typeface) -> PIL.Image.Image:
    """Draws the lines as cards in columns that half of them fit into; wider lines take several columns."""
    widths = [max(_NARROWEST_CARD, line.levels.shape[1] + 2) for line in lines]
    columns = (width + _GAP) // (sorted(widths)[len(widths) // 2] + _GAP)
    pitch = (width + _GAP) // columns
    rows: list[list[tuple[int, PIL.Image.Image]]] = []
    ends: list[int] = []
    small = face.at(_KEY_SIZE)
    for line, wide in zip(lines, widths, strict=True):
        taken = -(-(wide + _GAP) // pitch)
        row = next((k for k, end in enumerate(ends) if end + taken <= columns), len(rows))
        if row == len(rows):
            rows, ends = [*rows, []], [*ends, 0]
        rows[row].append((ends[row] * pitch, _draw_card(line, taken * pitch - _GAP, face, small)))
        ends[row] += taken
    return stack([_draw_row(row, width) for row in rows], gap=16)


def _draw_row(cards: list[tuple[int, PIL.Image.Image]], width: int) -> PIL.Image.Image:
    """Pastes pictures side by side, each at its x."""
    sheet = new_sheet(width, max((card.height for _, card in cards), default=1))
    for x, card in cards:
        sheet.paste(card, (x, 0))
    return sheet


def _draw_card(line: SampledLine, width: int, face: Typeface, small: Typeface) -> PIL.Image.Image:
    """Draws a line, below it its text in as many rows as that takes, and its key."""
    texts, height, pitch = face.wrap(line.text, width), line.levels.shape[0], _TEXT_SIZE + 4
    sheet = new_sheet(width, height + 2 + len(texts) * pitch + _KEY_SIZE + 8)
    paste_line(sheet, (1, 1), line.levels)
    for number, text in enumerate(texts, start=1):
        face.draw(sheet, (0, height + number * pitch), text, INK)
    small.draw(sheet, (0, sheet.height - 5), small.shorten(line.key, width), GREY)
    return sheet
