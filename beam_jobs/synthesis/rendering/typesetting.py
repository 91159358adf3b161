"""Typesets text in a font face: returns a mask of its ink."""

import functools
from typing import NamedTuple

import numpy as np

from densenet_ocr.beam_jobs.synthesis.fonts.faces import Face, open_face

# Glyphs that a worker caches: the common ones of some thirty faces, at about 1.5 kB each. Rendering one takes
# 0.04 to 0.2 ms; without the cache, glyphs would take most of a line's time.
_CACHED_GLYPHS = 65_536


class Glyph(NamedTuple):
    """A rendered character.

    Attributes:
      ink: Ink mask, uint8 [h, w], 255 where all is ink.
      left: Columns from the pen to the ink.
      top: Rows from the font's ascender to the ink.
      advance: Columns from the pen to that of the next character.
    """

    ink: np.ndarray
    left: int
    top: int
    advance: float


def typeset(text: str, face: Face, size: int, spacing: float) -> np.ndarray:
    """Returns the ink mask of a text, uint8 [h, w], cropped to its ink.

    Args:
      text: Characters that the face has.
      face: The font face.
      size: Font size in pixels per em.
      spacing: Additional pixels between characters.

    Raises:
      ValueError: the text has no ink.
    """
    placed, pen = [], 0.0
    for character in text:
        glyph = render_glyph(face, size, character)
        if glyph.ink.size:
            placed.append((glyph.ink, round(pen) + glyph.left, glyph.top))
        pen += glyph.advance + spacing
    if not placed:
        raise ValueError(f"no ink in {text!r}")
    return _join(placed)


@functools.lru_cache(_CACHED_GLYPHS)
def render_glyph(face: Face, size: int, character: str) -> Glyph:
    """Renders a character at a font size in pixels per em, cropped to its ink."""
    font = open_face(face, size)
    core, (left, top) = font.getmask2(character)
    ink = np.frombuffer(bytes(core), np.uint8).reshape(core.size[1], core.size[0])
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return Glyph(ink[:0], 0, 0, font.getlength(character))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Glyph(ink, left + int(columns[0]), top + int(rows[0]), font.getlength(character))


def _join(placed: list[tuple[np.ndarray, int, int]]) -> np.ndarray:
    """One mask (uint8 [h, w]) of several, each with its x and y."""
    left, top = min(x for _, x, _ in placed), min(y for *_, y in placed)
    right = max(x + ink.shape[1] for ink, x, _ in placed)
    bottom = max(y + ink.shape[0] for ink, _, y in placed)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    for ink, x, y in placed:
        place = mask[y - top : y - top + ink.shape[0], x - left : x - left + ink.shape[1]]
        np.maximum(place, ink, out=place)
    return mask
