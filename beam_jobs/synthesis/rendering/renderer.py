"""A line drawn: a text, a face and a look become the JPEG file of a grey picture."""

import io
from collections.abc import Sequence

import numpy as np
import PIL.features
import PIL.Image

from densenet_ocr.beam_jobs.synthesis.fonts.faces import Face
from densenet_ocr.beam_jobs.synthesis.rendering.composite import shine
from densenet_ocr.beam_jobs.synthesis.rendering.degrade import wear
from densenet_ocr.beam_jobs.synthesis.rendering.layout import find_place, place_ink
from densenet_ocr.beam_jobs.synthesis.rendering.style import Style, StyleDistribution
from densenet_ocr.beam_jobs.synthesis.rendering.typesetting import set_text
from densenet_ocr.pipeline.images import Geometry

# Font size in line heights: ink of Chinese characters is then about as high as it will be. There is but one
# size, so that glyphs can be kept.
_FONT_SIZE = 0.95


# Raise it whenever a text, a face, a look and random numbers give another line than before.
VERSION = 1


def describe_renderer() -> str:
    """What a line's bytes depend on beside its recipe: the version of all that draws, as far as it is known."""
    libraries = {name: PIL.features.version(name) for name in ("freetype2", "jpg")}
    versions = {"drawing": VERSION, "pillow": PIL.__version__, **libraries, "numpy": np.__version__}
    return ", ".join(f"{name} {version}" for name, version in versions.items())


class LineRenderer:
    """Draws lines of a geometry in some faces; pickled to workers."""

    def __init__(self, faces: Sequence[Face], style: StyleDistribution, geometry: Geometry):
        self.style = style
        self._faces, self._geometry = tuple(faces), geometry
        self._size = round(_FONT_SIZE * geometry.height)

    def with_style(self, style: StyleDistribution) -> "LineRenderer":
        """The same, with another style."""
        return LineRenderer(self._faces, style, self._geometry)

    def render(self, text: str, face: int, random: np.random.Generator) -> bytes:
        """The JPEG file of a text in one of the faces, by its number; a function of these and nothing else.

        Raises ValueError for a text without ink, Refused for one that is too long for a picture.
        """
        style = self.style.draw(random)
        levels = self._draw_levels(text, self._faces[face], style, random)
        data = io.BytesIO()
        PIL.Image.fromarray(levels).save(data, "JPEG", quality=round(style.quality))
        return data.getvalue()

    def _draw_levels(self, text: str, face: Face, style: Style, random: np.random.Generator) -> np.ndarray:
        mask = set_text(text, face, self._size, style.spacing * self._size)
        place = find_place(mask.shape[::-1], style, self._geometry)
        return shine(wear(place_ink(mask, place, self._geometry.height), style), style, random)
