"""Render style of synthetic lines: its properties, their distributions, and presets."""

import dataclasses
import functools
import itertools
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError


class Style(NamedTuple):
    """Style of one line. Lengths are pixels of a line 32 pixels high, greys are levels from 0 to 255."""

    ink_height: float  # rows from the top of the ink to its bottom, slope included
    top_margin: float  # rows above the ink, as far as the height leaves room
    left_margin: float  # columns left of the ink
    right_margin: float  # least columns right of the ink: longer text is squeezed
    spacing: float  # between characters, in font sizes
    stretch: float  # factor of the font's width
    slope: float  # rows that the line falls over its width (negative: rises)
    taper: float  # height at the right end over that at the left, less 1
    slant: float  # columns that a character leans to the right per row of its height
    paper: float  # grey of the paper
    ink: float  # share of the paper's light that ink absorbs
    weight: float  # contrast of a stroke's edges: above 1 strokes grow, below they fade
    shade: float  # change of the paper's grey along the line
    texture: float  # standard deviation of the paper's grey from blotch to blotch
    blur: float  # standard deviation of the Gaussian blur
    motion: float  # columns of motion blur
    coarse: float  # factor of scaling down and up again; no change up to 1
    noise: float  # standard deviation of the noise, in grey levels
    quality: float  # of the JPEG file, from 1 to 95


# Five-number summary: minimum, lower quartile, median, upper quartile, maximum.
Spread = tuple[float, float, float, float, float]

_PARTS = 4  # quarters between five numbers


def _spread(*numbers: float, limits: tuple[float, float]) -> Any:
    """A field of StyleDistribution: its five numbers in the style `plain`, and their limits."""
    return dataclasses.field(default=numbers, metadata={"limits": limits})


@dataclasses.dataclass(frozen=True, kw_only=True)
class StyleDistribution:
    """Distribution of each property of Style, by its five-number summary.

    Values are uniform between two neighbouring numbers, so that a quarter of the lines lies between them: a
    measured summary can be used as it is. With k leading zeros, k - 1 quarters of the lines lack the property.
    """

    # Lengths refer to lines 32 pixels high and scale with the height.
    ink_height: Spread = _spread(24, 25, 26, 27, 28, limits=(8, 32))
    top_margin: Spread = _spread(1, 2, 2, 3, 4, limits=(0, 24))
    left_margin: Spread = _spread(1, 2, 3, 4, 6, limits=(0, 64))
    right_margin: Spread = _spread(1, 2, 3, 4, 6, limits=(0, 64))
    spacing: Spread = _spread(0, 0, 0, 0, 0, limits=(-0.2, 2))
    stretch: Spread = _spread(1, 1, 1, 1, 1, limits=(0.3, 3))
    slope: Spread = _spread(0, 0, 0, 0, 0, limits=(-16, 16))
    taper: Spread = _spread(0, 0, 0, 0, 0, limits=(-0.5, 0.5))
    slant: Spread = _spread(0, 0, 0, 0, 0, limits=(-0.7, 0.7))
    paper: Spread = _spread(200, 215, 230, 245, 255, limits=(32, 255))
    ink: Spread = _spread(0.7, 0.8, 0.9, 1, 1, limits=(0.1, 1))
    weight: Spread = _spread(1, 1, 1, 1, 1, limits=(0.3, 3))
    shade: Spread = _spread(0, 0, 0, 0, 0, limits=(-128, 128))
    texture: Spread = _spread(0, 0, 0, 0, 0, limits=(0, 64))
    blur: Spread = _spread(0, 0, 0, 0, 0, limits=(0, 5))
    motion: Spread = _spread(0, 0, 0, 0, 0, limits=(0, 16))
    coarse: Spread = _spread(1, 1, 1, 1, 1, limits=(1, 4))
    noise: Spread = _spread(0, 0, 0, 0, 0, limits=(0, 64))
    quality: Spread = _spread(95, 95, 95, 95, 95, limits=(1, 95))

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            spread, (low, high) = getattr(self, field.name), field.metadata["limits"]
            if not (_is_spread(spread) and low <= spread[0] and spread[-1] <= high):
                raise UserError(
                    f"style {field.name}",
                    received=spread,
                    expected=f"five ascending numbers from {low} to {high}",
                    remedy="Give minimum, quartiles and maximum.",
                )

    @classmethod
    def within_limits(cls, spreads: Mapping[str, np.ndarray]) -> "StyleDistribution":
        """Returns a distribution of summaries (float [5] each): clipped to their limits, sorted, rounded."""
        limits = {field.name: field.metadata["limits"] for field in dataclasses.fields(cls)}
        fitted = {name: np.sort(np.clip(spread, *limits[name])).round(3) for name, spread in spreads.items()}
        return cls(**{name: tuple(spread.tolist()) for name, spread in fitted.items()})

    def sample(self, random: np.random.Generator) -> Style:
        """Samples the style of one line; the properties are independent."""
        place = random.random(len(Style._fields)) * _PARTS
        part = place.astype(np.intp)
        low, rise = self._table
        row = np.arange(len(part))
        return Style(*(low[row, part] + rise[row, part] * (place - part)).tolist())

    @functools.cached_property
    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        """The lower end and the length of each quarter, float64 [properties, 4] each."""
        spreads = np.array([getattr(self, name) for name in Style._fields])
        return spreads[:, :-1], np.diff(spreads)


def _is_spread(value: object) -> bool:
    if not isinstance(value, tuple) or len(value) != _PARTS + 1:
        return False
    numbers = all(type(number) in (int, float) for number in value)
    return numbers and all(low <= high for low, high in itertools.pairwise(value))


PRESETS = {
    # Dark ink on light paper, upright and sharp.
    "plain": StyleDistribution(),
    # Fitted to 100 lines of the data set that the notebook was trained on; see benchmarks.synthesis.styles.
    "caffe_ocr": StyleDistribution(
        ink_height=(24.6, 29, 29.4, 29.7, 31.6),
        top_margin=(0.2, 1.2, 2.2, 2.3, 4.4),
        left_margin=(1.6, 1.8, 2, 2.1, 4),
        right_margin=(0, 0, 1, 3, 6),
        spacing=(0, 0, 0, 0.05, 0.3),
        stretch=(0.88, 0.9, 1.07, 1.1, 1.3),
        slope=(-12, -3.6, 1, 3.6, 11),
        taper=(-0.1, -0.03, 0, 0.03, 0.1),
        slant=(-0.15, -0.05, 0, 0.05, 0.15),
        paper=(80, 134, 168, 186, 249),
        ink=(0.84, 0.87, 0.92, 0.93, 0.95),
        weight=(0.8, 1, 1.1, 1.2, 1.4),
        shade=(-30, -0.8, 0, 0.8, 30),
        texture=(0, 0.5, 1, 2, 5),
        blur=(0.43, 0.45, 0.62, 0.92, 1.22),
        quality=(60, 75, 75, 75, 90),
    ),
}

# Key of a style file: the preset for properties that the file leaves out.
_BASE = "preset"


def load_style(name: str) -> StyleDistribution:
    """Returns a preset, or the style of a JSON file: {"preset": name, property: [five numbers], ...}.

    Raises:
      UserError: there is no such preset or file, or the file is wrong.
    """
    if name in PRESETS:
        return PRESETS[name]
    if not storage.exists(name):
        raise _refuse_style(name, "no preset and no file of that name")
    try:
        given = json.loads(storage.read_bytes(name), object_pairs_hook=_make_object)
    except ValueError as error:
        raise _refuse_style(name, f"no JSON ({error})") from None
    if not isinstance(given, dict):
        raise _refuse_style(name, "JSON that is no object")
    base = given.pop(_BASE, "plain")
    wrong = [key for key in given if key not in Style._fields]
    if wrong or base not in PRESETS:
        raise _refuse_style(name, f"no property {wrong[0]!r}" if wrong else f"no preset {base!r}")
    spreads = {key: tuple(spread) if isinstance(spread, list) else spread for key, spread in given.items()}
    return dataclasses.replace(PRESETS[base], **spreads)


def _make_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{max(names, key=names.count)!r} twice")
    return found


def _refuse_style(name: str, received: str) -> UserError:
    return UserError(
        f"style {name}",
        received=received,
        expected=f"{', '.join(PRESETS)}, or a JSON file of properties with five numbers each",
        remedy=f"Check --style; the properties are {', '.join(Style._fields)}.",
    )
