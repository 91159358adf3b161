"""The worst lines on a report's page: pictures, and truth above reading, character by character."""

import base64
import io
import itertools
import json

import numpy as np
import PIL.Image

from densenet_ocr.model.report.markup import Markup, element, join, show, show_character, show_path, spell
from densenet_ocr.model.report.wording import tell_confidence, tell_count
from densenet_ocr.model.report.worst_lines import WorstLine

# Characters that are read right stand together, in pieces short enough to break a line between on a phone.
_PIECE = 6

# Pictures are shown this many pixels high, where there is room.
_HEIGHT = 48

# A picture that is this many times wider than high is not scaled to the page's width: it scrolls.
_WIDE = 12

_SIGNS = {"wrong": "≠", "lost": "−", "extra": "+"}
_NOTHING = element("span", "·", class_="nothing")


def list_lines(lines: list[WorstLine]) -> Markup:
    """A list with an item a line, in columns that hold most pictures."""
    column = f"--column:{_choose_column(lines)}px"
    return element("ol", map(_show_line, lines), id="lines", class_="lines", role="list", style=column)


def list_data(lines: list[WorstLine]) -> Markup:
    """What the page's script searches and sorts by, as JSON within a script element of no script."""
    data = json.dumps([_describe(line) for line in lines], separators=(",", ":"))
    for character in "<>&":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return Markup(f'<script type="application/json" id="line-data">{data}</script>')


def encode_picture(levels: np.ndarray) -> str:
    """Grey levels (uint8 [H, W]) as the data: URI of a PNG."""
    data = io.BytesIO()
    PIL.Image.fromarray(levels).save(data, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"


def name_edit(truth: str, reading: str) -> str:
    """What kind of edit a pair of different characters is: 'wrong', 'lost' or 'extra'."""
    if truth and reading:
        return "wrong"
    return "lost" if truth else "extra"


def _choose_column(lines: list[WorstLine]) -> int:
    """Pixels that nine of ten pictures need, and their margins; what suits a page is between 280 and 460."""
    widths = sorted(round(line.width * _HEIGHT / line.result.levels.shape[0]) for line in lines)
    return min(max(widths[len(widths) * 9 // 10] + 34, 280), 460) if widths else 280


def _describe(line: WorstLine) -> dict:
    """Texts to search, and values to sort by."""
    key, reading = line.result.key, line.result.reading
    texts = [line.result.truth, reading.text, key]
    return {
        "texts": texts if key.isprintable() else [*texts, spell(key)],
        "key": key,
        "confidence": float(reading.confidence),
        "edits": line.edits,
        "length": line.length,
        "width": line.width,
    }


def _show_line(line: WorstLine) -> Markup:
    return element("li", _show_picture(line), _tell_line(line), _show_texts(line), _show_facts(line))


def _show_picture(line: WorstLine) -> Markup:
    height, width = line.result.levels.shape
    alt = f"Picture of the line {line.result.key}"
    source = encode_picture(line.result.levels)
    shown = round(width * _HEIGHT / height)
    picture = element("img", src=source, width=shown, height=_HEIGHT, alt=alt, decoding="async")
    if width <= _WIDE * height:
        return element("div", element("span", picture, _mark_places(line)), class_="picture")
    return element(
        "div",
        element("span", picture, _mark_places(line)),
        class_="picture wide",
        tabindex=0,
        role="group",
        aria_label="Wide picture, scrolls sideways",
    )


def _mark_places(line: WorstLine) -> list[Markup]:
    """Marks below a picture where characters were read that are not there."""
    places, marks = iter(line.result.reading.characters), []
    for step in line.steps:
        if not step.reading:
            continue
        character = next(places)
        if step.is_edit:
            kind = name_edit(*step)
            marks.append(_mark_place(character.start / line.width, character.end / line.width, kind))
    return marks


def _mark_place(start: float, end: float, kind: str) -> Markup:
    start, end = (min(max(100 * share, 0), 100) for share in (start, end))
    return element("i", class_=kind, style=f"left:{start:.1f}%;width:{max(end - start, 0):.1f}%")


def _tell_line(line: WorstLine) -> Markup:
    """The line in words, for those who listen to the page: pairs of characters are read badly."""
    edits = join(
        [", ", _name(step.truth), " read as ", _name(step.reading)] for step in line.steps if step.is_edit
    )
    texts = ["Truth: ", line.result.truth, ". Reading: ", line.result.reading.text or "nothing", ". Edits"]
    return element("p", texts, edits, ".", class_="spoken")


def _name(character: str) -> str:
    return {"": "nothing", " ": "space"}.get(character, character)


def _show_texts(line: WorstLine) -> Markup:
    """Truth above reading, and below what differs a sign and how sure the model was."""
    confidences = (character.confidence for character in line.result.reading.characters)
    pairs = [(step, next(confidences) if step.reading else None) for step in line.steps]
    pieces = [element("span", "truth", element("br"), "read", class_="names")]
    for is_edit, group in itertools.groupby(pairs, lambda pair: pair[0].is_edit):
        run = list(group)
        pieces += [_show_edit(*pair) for pair in run] if is_edit else _show_run([step for step, _ in run])
    return element("div", pieces, class_="texts", aria_hidden="true")


def _show_run(steps: list) -> list[Markup]:
    text = "".join(step.truth for step in steps)
    pieces = [show(text[k : k + _PIECE]) for k in range(0, len(text), _PIECE)]
    return [element("span", piece, element("br"), piece) for piece in pieces]


def _show_edit(step, confidence: float | None) -> Markup:
    kind = name_edit(*step)
    sure = None if confidence is None else tell_confidence(confidence)
    return element(
        "b",
        show_character(step.truth) if step.truth else _NOTHING,
        element("br"),
        show_character(step.reading) if step.reading else _NOTHING,
        element("br"),
        element("small", _SIGNS[kind], element("em", sure) if sure else None),
        class_=kind,
    )


def _show_facts(line: WorstLine) -> Markup:
    facts = [
        f"{tell_count(line.edits, 'edit')} in {tell_count(line.length, 'character')}",
        f"confidence {tell_confidence(line.result.reading.confidence)}",
        f"{line.width:,} pixels wide",
    ]
    return element(
        "p",
        [element("span", fact) for fact in facts],
        show_path(line.result.key),
        class_="facts",
    )
