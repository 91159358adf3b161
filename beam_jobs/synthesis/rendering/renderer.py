"""Renders a line: text, font face and style become a grey JPEG file."""

import functools
import io
from collections.abc import Sequence

import numpy as np
import PIL.features
import PIL.Image
import PIL.ImageFilter

from densenet_ocr.beam_jobs.synthesis.fonts.faces import Face
from densenet_ocr.beam_jobs.synthesis.rendering.layout import lay_out, warp
from densenet_ocr.beam_jobs.synthesis.rendering.style import Style, StyleDistribution
from densenet_ocr.beam_jobs.synthesis.rendering.typesetting import typeset
from densenet_ocr.pipeline.geometry import Geometry

# A blotch of the paper's texture is half as high as the line, and as long.
_BLOTCH_ROWS = 3

# Font size in line heights: Chinese characters are then about as high as on the line. There is one size only,
# so that glyphs can be cached.
_FONT_SIZE = 0.95

# Raise it whenever equal text, face, style and random numbers give other bytes than before.
VERSION = 1


def describe_renderer() -> str:
    """Returns the versions of all that renders, on which a line's bytes depend beside its recipe."""
    libraries = {name: PIL.features.version(name) for name in ("freetype2", "jpg")}
    versions = {"drawing": VERSION, "pillow": PIL.__version__, **libraries, "numpy": np.__version__}
    return ", ".join(f"{name} {version}" for name, version in versions.items())


class LineRenderer:
    """Renders lines of one geometry; can be pickled.

    Attributes:
      style: Distribution of the style of the lines.
    """

    def __init__(self, faces: Sequence[Face], style: StyleDistribution, geometry: Geometry) -> None:
        self.style = style
        self._faces, self._geometry = tuple(faces), geometry
        self._size = round(_FONT_SIZE * geometry.height)

    def with_style(self, style: StyleDistribution) -> "LineRenderer":
        """Returns a renderer with another style."""
        return LineRenderer(self._faces, style, self._geometry)

    def render(self, text: str, face: int, random: np.random.Generator) -> bytes:
        """Returns the JPEG file of a line; depends on nothing but its arguments.

        Args:
          text: Text of the line.
          face: Index of a face that has all characters of the text.
          random: Source of the style, noise and texture.

        Raises:
          ValueError: the text has no ink.
          Refused: the text is too long for an image.
        """
        style = self.style.sample(random)
        mask = typeset(text, self._faces[face], self._size, style.spacing * self._size)
        layout = lay_out((mask.shape[1], mask.shape[0]), style, self._geometry)
        ink = degrade(warp(mask, layout, self._geometry.height), style)
        data = io.BytesIO()
        image = PIL.Image.fromarray(composite(ink, style, random))
        image.save(data, "JPEG", quality=round(style.quality))
        return data.getvalue()


def degrade(mask: PIL.Image.Image, style: Style) -> np.ndarray:
    """Returns the ink's coverage of each pixel, float32 [H, W] from 0 to 1, of a grey ink mask."""
    if style.coarse > 1:
        mask = _scale_down_and_up(mask, style.coarse)
    if style.blur > 0:
        mask = mask.filter(PIL.ImageFilter.GaussianBlur(style.blur))
    ink = np.asarray(mask, np.float32) * np.float32(style.weight / 255)
    if style.motion > 1:
        ink = _blur_motion(ink, style.motion)
    return np.minimum(ink, 1, out=ink)


def _scale_down_and_up(mask: PIL.Image.Image, factor: float) -> PIL.Image.Image:
    small = max(1, round(mask.width / factor)), max(1, round(mask.height / factor))
    bilinear = PIL.Image.Resampling.BILINEAR
    return mask.resize(small, bilinear).resize(mask.size, bilinear)


def _blur_motion(ink: np.ndarray, columns: float) -> np.ndarray:
    """Means of so many columns (float32 [H, W]), the last one in part."""
    whole = int(columns)
    total = ink * np.float32(columns - whole)
    padded = np.pad(ink, ((0, 0), (whole // 2 + 1, whole // 2 + 1)), mode="edge")
    for k in range(whole):
        total += padded[:, k : k + ink.shape[1]]
    return total / np.float32(columns)


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
