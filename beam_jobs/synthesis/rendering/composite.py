"""Composites ink and paper to grey levels."""

import functools

import numpy as np

from densenet_ocr.beam_jobs.synthesis.rendering.style import Style

# A blotch of the paper's texture is half as high as the line, and as long.
_BLOTCH_ROWS = 3


def composite(ink: np.ndarray, style: Style, random: np.random.Generator) -> np.ndarray:
    """Returns grey levels, uint8 [H, W], of ink on paper.

    Ink absorbs a share of the light that its paper reflects, so shades fall on both.

    Args:
      ink: The ink's coverage of each pixel, float32 [H, W] from 0 to 1.
      style: Style of the line.
      random: Source of noise and texture.
    """
    grey = _make_paper(style, random, *ink.shape) * (1 - np.float32(style.ink) * ink)
    if style.noise > 0:
        grey += random.standard_normal(ink.shape, np.float32) * np.float32(style.noise)
    grey += np.float32(0.5)
    return np.clip(grey, 0, 255, out=grey).astype(np.uint8)


def _make_paper(style: Style, random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Grey levels of blank paper, float32 [H, W]."""
    paper = np.full((height, width), style.paper, np.float32)
    if style.shade:
        paper += _ramp(width) * np.float32(style.shade)
    if style.texture > 0:
        rows, columns = _BLOTCH_ROWS, max(2, _BLOTCH_ROWS * width // (2 * height))
        grid = random.standard_normal((rows, columns), np.float32) * np.float32(style.texture)
        paper += _interpolate(rows, height).T @ grid @ _interpolate(columns, width)
    return paper


@functools.lru_cache(64)
def _interpolate(few: int, many: int) -> np.ndarray:
    """Weights of `few` evenly spaced values in `many`, float32 [few, many]: a cosine between neighbours."""
    away = np.abs(np.linspace(0, few - 1, many)[None] - np.arange(few)[:, None])
    return (0.5 + 0.5 * np.cos(np.pi * np.minimum(away, 1))).astype(np.float32)


@functools.lru_cache(64)
def _ramp(width: int) -> np.ndarray:
    """Values from -0.5 to 0.5, float32 [width]."""
    return np.linspace(-0.5, 0.5, width, dtype=np.float32)
