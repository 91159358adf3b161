"""Renders a line: text, font face and style become a grey JPEG file."""

import io
from collections.abc import Sequence

import numpy as np
import PIL.features
import PIL.Image

from densenet_ocr.beam_jobs.synthesis.fonts.faces import Face
from densenet_ocr.beam_jobs.synthesis.rendering.composite import composite
from densenet_ocr.beam_jobs.synthesis.rendering.degrade import degrade
from densenet_ocr.beam_jobs.synthesis.rendering.layout import lay_out, warp
from densenet_ocr.beam_jobs.synthesis.rendering.style import StyleDistribution
from densenet_ocr.beam_jobs.synthesis.rendering.typesetting import typeset
from densenet_ocr.pipeline.geometry import Geometry

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
