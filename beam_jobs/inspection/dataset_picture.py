"""A sheet that shows what a data set holds: the counts of each split as charts, and some of its lines."""

import functools

import PIL.Image

from densenet_ocr.beam_jobs.inspection.charts import draw_histogram, draw_ranks, draw_reasons
from densenet_ocr.beam_jobs.inspection.counts import rank, read_counts
from densenet_ocr.beam_jobs.inspection.line_sample import SampledLine, sample_lines
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

# Width of the sheet without its margins, if no line is wider: four columns of the notebook's lines.
WIDTH = 4 * (280 + 2) + 3 * _GAP

_HEADING_SIZE, _NOTE_SIZE, _TEXT_SIZE, _KEY_SIZE = 22, 13, 16, 12
_CHART_HEIGHT, _NARROWEST_CARD = 230, 160

# Characters that the charts may name, which the face should have too.
_NAMED = 40


def draw_dataset(
    *, folder: str, info: DatasetInfo, splits: list[str], lines: int, seed: int, font: str | None = None
) -> PIL.Image.Image:
    """Draws charts and `lines` random lines of each split, every line with its text and its key.

    `font` names a font file; without one a font of the machine that has the characters is looked for. Raises
    UserError where a shard cannot be read, or the file is no font.
    """
    where = {"folder": folder, "info": info}
    sampled = {name: sample_lines(**where, split=name, count=lines, seed=seed) for name in splits}
    every_line = [line for some in sampled.values() for line in some]
    texts = [line.text + line.key for line in every_line] + [_find_frequent(info, name) for name in splits]
    face = choose_typeface(texts, size=_TEXT_SIZE, font=font)
    width = max([WIDTH, *(line.levels.shape[1] + 2 for line in every_line)])
    parts = []
    for name in splits:
        parts += [_draw_heading(name, info, width), _draw_charts(name, info, width, face)]
        parts += [_draw_cards(sampled[name], width, face)] if sampled[name] else []
    return frame(stack(parts, gap=_GAP))


def _find_frequent(info: DatasetInfo, split: str) -> str:
    ranked = rank(read_counts(info.splits[split], "characters"))
    return "".join(info.charset.characters[k] for k in ranked[:_NAMED])


def _draw_heading(name: str, info: DatasetInfo, width: int) -> PIL.Image.Image:
    split, sheet = info.splits[name], new_sheet(width, _HEADING_SIZE + MARGIN + _NOTE_SIZE)
    Typeface(_HEADING_SIZE).draw(sheet, (0, _HEADING_SIZE - 4), name, INK)
    Typeface(_NOTE_SIZE).draw(sheet, (0, sheet.height - 4), _tell_split(info, split), GREY)
    return sheet


def _tell_split(info: DatasetInfo, split: SplitInfo) -> str:
    rows = f"{split.read:,} rows read, {split.written:,} written, {split.read - split.written:,} refused"
    size = storage.describe_size(sum(shard.bytes for shard in split.shards))
    shards = f"{len(split.shards):,} shard{'s' * (len(split.shards) != 1)}, {size}"
    return f"{rows}   |   {info.geometry}, {info.image_encoding}   |   {shards}"


def _draw_charts(name: str, info: DatasetInfo, width: int, face: Typeface) -> PIL.Image.Image:
    """The split's charts side by side, of those that have more to show than the heading."""
    split = info.splits[name]
    lengths, widths = read_counts(split, "label_lengths"), read_counts(split, "widths")
    characters, charts = read_counts(split, "characters"), []
    if lengths:
        charts.append(functools.partial(draw_histogram, lengths, title="label lengths"))
    if len(widths) > 1:
        charts.append(functools.partial(draw_histogram, widths, title="widths in pixels"))
    if characters:
        charts.append(functools.partial(draw_ranks, characters, info.charset.characters, face=face))
    if split.refused:
        charts.append(functools.partial(draw_reasons, split.refused, read=split.read))
    pitch = (width + 2 * _GAP) // max(1, len(charts))
    size = (pitch - 2 * _GAP, _CHART_HEIGHT)
    return _draw_row([(number * pitch, draw(size=size)) for number, draw in enumerate(charts)], width)


def _draw_cards(lines: list[SampledLine], width: int, face: Typeface) -> PIL.Image.Image:
    """The lines as cards in columns that half of them fit into; a wider line takes more than one column."""
    widths = [max(_NARROWEST_CARD, line.levels.shape[1] + 2) for line in lines]
    columns = (width + _GAP) // (sorted(widths)[len(widths) // 2] + _GAP)
    pitch = (width + _GAP) // columns
    rows, ends, faces = [], [], (face, face.at(_KEY_SIZE))
    for line, wide in zip(lines, widths, strict=True):
        taken = -(-(wide + _GAP) // pitch)
        row = next((k for k, end in enumerate(ends) if end + taken <= columns), len(rows))
        if row == len(rows):
            rows, ends = [*rows, []], [*ends, 0]
        rows[row].append((ends[row] * pitch, _draw_card(line, taken * pitch - _GAP, *faces)))
        ends[row] += taken
    return stack([_draw_row(row, width) for row in rows], gap=16)


def _draw_row(cards: list[tuple[int, PIL.Image.Image]], width: int) -> PIL.Image.Image:
    """Pictures side by side, each at its place from the left."""
    sheet = new_sheet(width, max((card.height for _, card in cards), default=1))
    for x, card in cards:
        sheet.paste(card, (x, 0))
    return sheet


def _draw_card(line: SampledLine, width: int, face: Typeface, small: Typeface) -> PIL.Image.Image:
    """A line, its text below, in as many rows as it takes, and its key."""
    texts, height, pitch = face.wrap(line.text, width), line.levels.shape[0], _TEXT_SIZE + 4
    sheet = new_sheet(width, height + 2 + len(texts) * pitch + _KEY_SIZE + 8)
    paste_line(sheet, (1, 1), line.levels)
    for number, text in enumerate(texts, start=1):
        face.draw(sheet, (0, height + number * pitch), text, INK)
    small.draw(sheet, (0, sheet.height - 5), small.shorten(line.key, width), GREY)
    return sheet
