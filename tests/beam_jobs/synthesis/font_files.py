"""Tiny fonts for tests: each character is a distinct pattern of squares."""

import os

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont

EM = 1000
FRAME = [(100, 0, 900, 100), (100, 700, 900, 800), (100, 100, 200, 700), (800, 100, 900, 700)]


def build_font(
    characters: str, *, blank: str = "", lacking: str = "", empty_notdef: bool = False, name: str = "Made"
) -> TTFont:
    """A font that maps `characters`; those of `blank` have no ink, those of `lacking` are boxes, as .notdef."""
    drawings = {".notdef": [] if empty_notdef else FRAME}
    for character in characters:
        shapes = FRAME if character in lacking else [] if character in blank else draw_squares(character)
        drawings[name_glyph(character)] = shapes
    builder = FontBuilder(EM, isTTF=True)
    builder.setupGlyphOrder(list(drawings))
    builder.setupCharacterMap({ord(character): name_glyph(character) for character in characters})
    builder.setupGlyf({glyph: draw_glyph(shapes) for glyph, shapes in drawings.items()})
    builder.setupHorizontalMetrics(
        {glyph: (EM, min((x for x, *_ in shapes), default=0)) for glyph, shapes in drawings.items()}
    )
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": name, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    return builder.font


def save_font(folder: str, characters: str, *, file: str = "made.ttf", **options) -> str:
    """Writes the font of `build_font`; returns its path."""
    path = os.path.join(folder, file)
    build_font(characters, **options).save(path)
    return path


def save_collection(folder: str, *fonts: TTFont, file: str = "made.ttc") -> str:
    """Writes a collection of fonts; returns its path."""
    path, collection = os.path.join(folder, file), TTCollection()
    collection.fonts = list(fonts)
    collection.save(path)
    return path


def name_glyph(character: str) -> str:
    """The name of a character's glyph."""
    return f"u{ord(character):05X}"


def draw_squares(character: str) -> list[tuple[int, int, int, int]]:
    """A square for each bit of the code point, on a grid 5 wide, above one that all characters have."""
    cells = [0] + [5 + k for k in range(21) if ord(character) >> k & 1]
    return [(100 + c % 5 * 160, c // 5 * 160, 220 + c % 5 * 160, 120 + c // 5 * 160) for c in cells]


def draw_glyph(shapes: list[tuple[int, int, int, int]]):
    """A glyph of rectangles (left, bottom, right, top), in units of EM."""
    pen = TTGlyphPen(None)
    for left, bottom, right, top in shapes:
        pen.moveTo((left, bottom))
        for point in ((left, top), (right, top), (right, bottom)):
            pen.lineTo(point)
        pen.closePath()
    return pen.glyph()
