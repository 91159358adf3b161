"""Looks fitted to real lines: drawn by, measured, and moved towards what was measured of the real ones."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from densenet_ocr.beam_jobs.synthesis.rendering.measures import Measures, measure
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import Drawing
from densenet_ocr.beam_jobs.synthesis.rendering.style import Looks
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.ui.progress import Progress

# What five numbers are taken from: the extremes of a few lines are chance.
_PERCENTILES = (2, 25, 50, 75, 98)

# Share of a difference that a round takes back. More would overshoot, for properties act on each other.
_GAIN, _SLOW_GAIN = 0.8, 0.4

# Pixels of blur that take away all sharpness, and weight that gives all contrast, about: what a round gets
# wrong the next one mends.
_BLUR, _WEIGHT = 2.5, 1.5

# The ink of three quarters of the lines takes at most this share of the light: pale strokes are blurred ones.
_DARKEST = 0.97

Numbers = dict[str, np.ndarray]


def fit_looks(
    real: Sequence[np.ndarray],
    texts: Sequence[tuple[str, int]],
    drawing: Drawing,
    *,
    rounds: int,
    lines: int,
    seed: int,
) -> Looks:
    """Looks by which made lines measure as real ones do (uint8 [H, W]), beginning with those of `drawing`.

    A round draws so many `lines`, of `texts` (each with the number of its face), and moves size, margins,
    slope, greys, contrast, blur, noise, shade and stretch towards the real lines' five numbers. Spacing, slant,
    taper, texture, motion, coarseness and quality stay: nothing that is measured tells them apart.
    """
    goal, looks = _tell(measure(levels) for levels in real), drawing.looks
    progress = Progress("fit looks", rounds, "rounds")
    for number in range(rounds):
        random = np.random.Generator(np.random.PCG64([seed, number]))
        chosen = random.integers(0, len(texts), lines).tolist()
        drawn = (drawing.with_looks(looks).draw(*texts[k], random) for k in chosen)
        looks = _move(looks, goal, _tell(measure(images.decode(data)) for data in drawn))
        progress.show(number + 1)
    progress.close(rounds)
    return looks


def _tell(measured: Sequence[Measures]) -> Numbers:
    """The five numbers of each measure, of where the ink ends, and of what share of the light it takes."""
    table = np.array([dataclasses.astuple(one) for one in measured])
    values = {field.name: table[:, k] for k, field in enumerate(dataclasses.fields(Measures))}
    values["end"] = values["left_margin"] + values["length"]
    values["ink"] = values["contrast"] / np.maximum(values["paper"], 1)
    return {name: np.percentile(column, _PERCENTILES) for name, column in values.items()}


def _move(looks: Looks, goal: Numbers, made: Numbers) -> Looks:
    missing = {name: goal[name] - made[name] for name in goal}
    moved = {name: np.array(spread, float) for name, spread in dataclasses.asdict(looks).items()}
    for name in ("ink_height", "top_margin", "left_margin", "slope", "paper"):
        moved[name] += _GAIN * missing[name]
    moved["noise"] += _SLOW_GAIN * missing["noise"]
    # The sharpest lines are those with the least blur.
    moved["blur"] -= _GAIN * _BLUR * missing["sharpness"][::-1]
    moved["stretch"] *= 1 + (goal["end"] / made["end"] - 1) / 2
    moved["shade"] = _move_shade(moved["shade"], goal["shade"], made["shade"])
    everywhere = missing["ink"].mean()
    moved["weight"] += _WEIGHT * everywhere
    moved["ink"] += _GAIN * (missing["ink"] - everywhere)
    moved["ink"] *= _DARKEST / moved["ink"][3]
    return Looks.within_limits(moved)


def _move_shade(shade: np.ndarray, goal: np.ndarray, made: np.ndarray) -> np.ndarray:
    """A measure of 0 or more, of a look that has two signs: its ends are the strongest, its middle is none."""
    factor = 1 + (goal / np.maximum(made, 0.5) - 1) / 2
    return np.where(shade == 0, np.array([-1, -0.1, 0, 0.1, 1]), shade) * factor[[4, 3, 2, 3, 4]]
