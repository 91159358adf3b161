"""Fits a render style to the lines of a data set: render, measure, correct, until the measures agree."""

import dataclasses
import json
from collections.abc import Iterable, Sequence

import numpy as np
from absl import logging

from densenet_ocr.beam_jobs.inspection.line_sample import sample_lines
from densenet_ocr.beam_jobs.synthesis.config import FEWEST_FITTED, StyleFitConfig
from densenet_ocr.beam_jobs.synthesis.fonts.coverage import find_coverage
from densenet_ocr.beam_jobs.synthesis.fonts.faces import Face, find_faces
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.beam_jobs.synthesis.rendering.style import StyleDistribution, load_style
from densenet_ocr.beam_jobs.synthesis.text.plan import draw_weighted, to_integers
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.progress import Progress

# Ink is darker than the paper by at least this share of the line's contrast.
_INK_SHARE = 0.35

# Columns of the window in which the paper has one grey.
_PAPER_WINDOW = 64

# Grey levels between ink and paper, below which a line counts as blank.
_LEAST_CONTRAST = 12

# Percentiles that describe a measure. Minimum and maximum of a few lines are chance.
_PERCENTILES = (2, 25, 50, 75, 98)

# Share of a difference that a round corrects. More would overshoot, since the properties interact.
_GAIN, _NOISE_GAIN = 0.8, 0.4

# Approximate: pixels of blur per unit of sharpness, weight per unit of contrast. Later rounds correct errors.
_BLUR_PER_SHARPNESS, _WEIGHT_PER_INK = 2.5, 1.5

# Upper quartile of the ink's share of the light. Paler strokes come from blur.
_DARKEST_INK = 0.97

# Five percentiles of each measure, float64 [5].
Percentiles = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Measures:
    """Measures of one line: grey levels from 0 to 255, lengths in pixels."""

    mean_grey: float  # mean of all grey levels
    paper: float  # mean grey of the paper
    contrast: float  # paper's grey less that of the darkest ink
    sharpness: float  # steepest edges: grey levels per pixel, over the contrast
    ink_height: float  # rows from the top of the ink to its bottom
    length: float  # columns from the left end of the ink to its right end
    left_margin: float  # columns left of the ink
    right_margin: float  # columns right of the ink
    top_margin: float  # rows above the ink
    ink_share: float  # ink pixels over the pixels of the ink's bounding box
    slope: float  # rows that the ink's centre falls over the width of the line
    noise: float  # standard deviation of the paper less its 3x3 mean, in grey levels
    shade: float  # 90th less 10th percentile of the columns' paper grey


def fit_to_split(config: StyleFitConfig) -> int:
    """Fits a style to a split, writes it as a JSON file for --style and returns the number of real lines.

    Raises:
      UserError: the output cannot be written, fonts or data cannot be used, or too few lines are usable.
    """
    _check_output(config.output)
    initial = load_style(config.style)
    info = load_dataset_info(config.data)
    info.find_split(config.split)  # raises UserError where it is missing
    real = sample_lines(folder=config.data, info=info, split=config.split, count=config.lines, seed=config.seed)
    subject = f"split {config.split!r} of {config.data}"
    levels = _keep_dark([line.levels for line in real], subject)
    faces = find_faces(config.fonts)
    texts = _assign_faces([line.text for line in real], faces, config.seed)
    _check_count(len(texts), len(real), subject, "with text that a font has", "Give --fonts that have it")
    renderer = LineRenderer(faces, initial, info.geometry)
    style = fit_style(levels, texts, renderer, rounds=config.rounds, lines=config.lines, seed=config.seed)
    rows = [f" {json.dumps(name)}: {list(spread)}" for name, spread in dataclasses.asdict(style).items()]
    storage.write_atomically(config.output, ("{\n" + ",\n".join(rows) + "\n}\n").encode())
    return len(levels)


def fit_style(
    real: Sequence[np.ndarray],
    texts: Sequence[tuple[str, int]],
    renderer: LineRenderer,
    *,
    rounds: int,
    lines: int,
    seed: int,
) -> StyleDistribution:
    """Fits a style distribution so that rendered lines measure like real ones.

    Corrects size, margins, slope, greys, contrast, blur, noise, shade and stretch. Spacing, slant, taper,
    texture, motion, coarseness and quality stay: no measure tells them apart.

    Args:
      real: Grey levels of real lines, uint8 [H, W] each.
      texts: Text and face index of each line that may be rendered.
      renderer: Renders the lines; its style is the initial one.
      rounds: Number of corrections.
      lines: Lines rendered per round.
      seed: Seed of the choice of texts and of the rendering.
    """
    goal, style = _summarise(measure(levels) for levels in real), renderer.style
    progress = Progress("fit style", rounds, "rounds")
    for number in range(rounds):
        random = np.random.Generator(np.random.PCG64([seed, number]))
        chosen = [texts[k] for k in random.integers(0, len(texts), lines).tolist()]
        current = renderer.with_style(style)
        rendered = (current.render(text, face, random) for text, face in chosen)
        style = _correct(style, goal, _summarise(measure(images.decode(data)) for data in rendered))
        progress.show(number + 1)
    progress.close(rounds)
    return style


def _summarise(measured: Iterable[Measures]) -> Percentiles:
    """Percentiles of each measure, of the column where the ink ends, and of the ink's share of the light."""
    table = np.array([dataclasses.astuple(one) for one in measured])
    values = {field.name: table[:, k] for k, field in enumerate(dataclasses.fields(Measures))}
    values["end"] = values["left_margin"] + values["length"]
    values["ink"] = values["contrast"] / np.maximum(values["paper"], 1)
    return {name: np.percentile(column, _PERCENTILES) for name, column in values.items()}


def _correct(style: StyleDistribution, goal: Percentiles, found: Percentiles) -> StyleDistribution:
    """Moves a style by a share of the differences between the goal and what was found."""
    missing = {name: goal[name] - found[name] for name in goal}
    moved = {name: np.array(spread, float) for name, spread in dataclasses.asdict(style).items()}
    for name in ("ink_height", "top_margin", "left_margin", "slope", "paper"):
        moved[name] += _GAIN * missing[name]
    moved["noise"] += _NOISE_GAIN * missing["noise"]
    # The sharpest lines are those with the least blur.
    moved["blur"] -= _GAIN * _BLUR_PER_SHARPNESS * missing["sharpness"][::-1]
    moved["stretch"] *= 1 + (goal["end"] / found["end"] - 1) / 2
    moved["shade"] = _correct_shade(moved["shade"], goal["shade"], found["shade"])
    mean = missing["ink"].mean()
    moved["weight"] += _WEIGHT_PER_INK * mean
    moved["ink"] += _GAIN * (missing["ink"] - mean)
    moved["ink"] *= _DARKEST_INK / moved["ink"][3]
    return StyleDistribution.within_limits(moved)


def _correct_shade(shade: np.ndarray, goal: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Corrects a signed property by an unsigned measure (float64 [5] each): its ends are the strongest."""
    factor = 1 + (goal / np.maximum(found, 0.5) - 1) / 2
    return np.where(shade == 0, np.array([-1, -0.1, 0, 0.1, 1]), shade) * factor[[4, 3, 2, 3, 4]]


def _keep_dark(lines: Sequence[np.ndarray], subject: str) -> list[np.ndarray]:
    """Lines (uint8 [H, W]) of dark ink on lighter paper, the only kind rendered; UserError where few."""
    dark = [levels for levels in lines if _has_dark_ink(levels)]
    fewest = max(FEWEST_FITTED, -(-len(lines) // 2))
    _check_count(len(dark), len(lines), subject, "with dark ink on lighter paper", "Invert light ink", fewest)
    if len(dark) < len(lines):
        logging.warning("%d of %d lines have no dark ink and are left out", len(lines) - len(dark), len(lines))
    return dark


def _has_dark_ink(levels: np.ndarray) -> bool:
    darkest, paper, lightest = np.percentile(levels, [1, 50, 99])
    return bool(paper - darkest > max(_LEAST_CONTRAST, lightest - paper))


def _assign_faces(texts: Sequence[str], faces: Sequence[Face], seed: int) -> list[tuple[str, int]]:
    """Each text that some face has, with the index of such a face, drawn by weight."""
    characters = "".join(sorted({character for text in texts for character in text}))
    coverage, weights = find_coverage(faces, characters), np.array([face.weight for face in faces])
    random, classes = np.random.Generator(np.random.PCG64(seed)), {c: k for k, c in enumerate(characters)}
    chosen = []
    for text in texts:
        able = coverage[:, [classes[character] for character in text]].all(axis=1)
        if text.strip() and able.any():
            chosen.append((text, int(draw_weighted(random, to_integers(able * weights), 1)[0])))
    return chosen


def _check_count(
    count: int, total: int, subject: str, kind: str, remedy: str, fewest: int = FEWEST_FITTED
) -> None:
    if count < fewest:
        raise UserError(
            subject,
            received=f"{count} lines, of {total}, {kind}",
            expected=f"{fewest} or more",
            remedy=f"{remedy}, or give more lines.",
        )


def _check_output(path: str) -> None:
    if not storage.is_url(path) and not storage.is_folder(storage.parent(path) or "."):
        raise UserError(
            f"output {path}",
            received="a folder that does not exist",
            expected="a file in an existing folder",
            remedy="Make the folder, or set --output.",
        )
    storage.check_writable(path)  # a fit takes minutes


def measure(levels: np.ndarray) -> Measures:
    """Returns the measures of a line of dark ink on light paper, uint8 [H, W]."""
    grey = levels.astype(np.float32)
    paper = _find_paper(grey)
    depth = paper - grey  # how much darker than the paper
    contrast = float(np.percentile(depth, 99))
    ink = depth > max(_INK_SHARE * contrast, 4)
    rows, columns = (np.flatnonzero(ink.sum(axis=axis) >= 2) for axis in (1, 0))
    if not len(rows) or not len(columns):
        rows, columns = np.array([0, len(ink) - 1]), np.array([0, ink.shape[1] - 1])
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    steps = np.abs(np.diff(grey, axis=1))
    return Measures(
        mean_grey=float(grey.mean()),
        paper=float(paper.mean()),
        contrast=contrast,
        sharpness=float(np.percentile(steps, 97) / max(contrast, 1)),
        ink_height=float(rows[-1] - rows[0] + 1),
        length=float(columns[-1] - columns[0] + 1),
        left_margin=float(columns[0]),
        right_margin=float(ink.shape[1] - 1 - columns[-1]),
        top_margin=float(rows[0]),
        ink_share=float(box.mean()),
        slope=_find_slope(ink),
        noise=_find_noise(grey, depth, contrast),
        shade=float(np.ptp(np.percentile(paper[0], [10, 90]))),
    )


def _find_paper(grey: np.ndarray) -> np.ndarray:
    """The paper's grey, float32 [1, W]: the 80th percentile around each column."""
    width, half = grey.shape[1], _PAPER_WINDOW // 2
    centres = np.arange(half, max(width - half, half + 1), half // 2)
    levels = [np.percentile(grey[:, max(0, c - half) : c + half], 80) for c in centres]
    return np.interp(np.arange(width), centres, levels)[None].astype(np.float32)


def _find_slope(ink: np.ndarray) -> float:
    """Rows that the ink's centre falls over the width of the line, by a line fitted to the columns' centres."""
    weight = ink.sum(axis=0)
    used = np.flatnonzero(weight)
    if len(used) < 2 or used[0] == used[-1]:
        return 0.0
    middle = (ink * np.arange(len(ink))[:, None]).sum(axis=0)[used] / weight[used]
    return float(np.polyfit(used, middle, 1, w=np.sqrt(weight[used]))[0] * ink.shape[1])


def _find_noise(grey: np.ndarray, depth: np.ndarray, contrast: float) -> float:
    """Standard deviation of paper without ink, less its 3x3 mean."""
    padded = np.pad(grey, 1, mode="edge")
    height, width = grey.shape
    near = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    rest = grey - np.mean(near, axis=0)
    is_paper = np.max(
        [np.pad(depth, 1, mode="edge")[y : y + height, x : x + width] for y in (0, 2) for x in (0, 2)], axis=0
    )
    is_paper = is_paper < 0.12 * contrast
    return float(rest[is_paper].std()) if is_paper.sum() > 50 else 0.0
