"""Paper and ink in their greys."""

import functools

import numpy as np

from densenet_ocr.beam_jobs.synthesis.rendering.style import Style

# A blotch of the paper's texture takes a half of the line's height, and as much of its length.
_BLOTCH_ROWS = 3


def shine(ink: np.ndarray, style: Style, random: np.random.Generator) -> np.ndarray:
    """Grey levels, uint8 [H, W], of shares of ink (float32 [H, W]) on paper.

    Ink takes away a share of the light that its paper reflects, so shades fall on both.
    """
    grey = _make_paper(ink.shape, style, random) * (1 - np.float32(style.ink) * ink)
    if style.noise > 0:
        grey += random.standard_normal(ink.shape, np.float32) * np.float32(style.noise)
    grey += np.float32(0.5)
    return np.clip(grey, 0, 255, out=grey).astype(np.uint8)


def _make_paper(shape: tuple[int, int], style: Style, random: np.random.Generator) -> np.ndarray:
    height, width = shape
    paper = np.full(shape, style.paper, np.float32)
    if style.shade:
        paper += _ramp(width) * np.float32(style.shade)
    if style.texture > 0:
        blotches = (_BLOTCH_ROWS, max(2, _BLOTCH_ROWS * width // (2 * height)))
        grid = random.standard_normal(blotches, np.float32) * np.float32(style.texture)
        down, across = (_spread(few, many) for few, many in zip(blotches, shape, strict=True))
        paper += down.T @ grid @ across
    return paper


@functools.lru_cache(64)
def _spread(few: int, many: int) -> np.ndarray:
    """What each of a few values, evenly apart, adds to each of many between them, float32 [few, many].

    Along a cosine from one to the next, so that nothing has an edge.
    """
    away = np.abs(np.linspace(0, few - 1, many)[None] - np.arange(few)[:, None])
    return (0.5 + 0.5 * np.cos(np.pi * np.minimum(away, 1))).astype(np.float32)


@functools.lru_cache(64)
def _ramp(width: int) -> np.ndarray:
    """From -0.5 to 0.5, float32 [width]."""
    return np.linspace(-0.5, 0.5, width, dtype=np.float32)
