"""Looks like those of a data set's lines, drawn in the fonts that are there."""

from collections.abc import Sequence

import numpy as np
from absl import logging

from densenet_ocr.beam_jobs.inspection.line_sample import sample_lines
from densenet_ocr.beam_jobs.synthesis.fonts.coverage import find_coverage
from densenet_ocr.beam_jobs.synthesis.fonts.faces import find_faces
from densenet_ocr.beam_jobs.synthesis.rendering.fitting import fit_looks
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import Drawing
from densenet_ocr.beam_jobs.synthesis.rendering.style import Looks
from densenet_ocr.beam_jobs.synthesis.text.sampling import draw_weighted, to_whole
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError

# Fewer lines have no quartiles to speak of.
FEWEST = 20

# Grey levels between ink and paper, below which a line is blank.
_FAINTEST = 12


def fit_to_split(
    *, folder: str, split: str, fonts: Sequence[str], looks: Looks, rounds: int, lines: int, seed: int
) -> tuple[Looks, int]:
    """Looks fitted to at most `lines` lines of a split, and how many there were.

    Raises UserError where fonts or data cannot be used, or fewer than FEWEST lines can be drawn.
    """
    info = load_dataset_info(folder)
    info.find_split(split)  # raises UserError where it is not there
    real = sample_lines(folder=folder, info=info, split=split, count=lines, seed=seed)
    levels = _choose_dark([line.levels for line in real], f"split {split!r} of {folder}")
    faces = find_faces(fonts)
    characters = "".join(sorted({character for line in real for character in line.text}))
    coverage = find_coverage(faces, characters)
    texts = _choose_faces(
        [line.text for line in real], characters, coverage, [face.weight for face in faces], seed
    )
    if len(texts) < FEWEST:
        raise UserError(
            f"split {split!r} of {folder}",
            received=f"{len(texts)} lines, of {len(real)}, that one of the fonts draws",
            expected=f"{FEWEST} or more",
            remedy="Give --fonts that draw its characters, or more lines.",
        )
    drawing = Drawing(faces, looks, info.geometry)
    return fit_looks(levels, texts, drawing, rounds=rounds, lines=lines, seed=seed), len(levels)


def _choose_dark(lines: Sequence[np.ndarray], subject: str) -> list[np.ndarray]:
    """Lines of dark ink on lighter paper, for no others are made; raises UserError where these are few."""
    dark = [levels for levels in lines if _has_dark_ink(levels)]
    if len(dark) < max(FEWEST, len(lines) / 2):
        raise UserError(
            subject,
            received=f"{len(dark)} lines, of {len(lines)}, with dark ink on lighter paper",
            expected=f"{FEWEST} or more, and half of the lines",
            remedy="Looks are known for such lines alone: give others, or invert them.",
        )
    if len(dark) < len(lines):
        logging.warning("%d of %d lines have no dark ink, and are left out", len(lines) - len(dark), len(lines))
    return dark


def _has_dark_ink(levels: np.ndarray) -> bool:
    darkest, paper, lightest = np.percentile(levels, [1, 50, 99])
    return paper - darkest > max(_FAINTEST, lightest - paper)


def _choose_faces(
    texts: Sequence[str], characters: str, coverage: np.ndarray, weights: Sequence[float], seed: int
) -> list[tuple[str, int]]:
    """Each text that some face draws, with the number of one by weight."""
    random, places = np.random.Generator(np.random.PCG64(seed)), {c: k for k, c in enumerate(characters)}
    chosen = []
    for text in texts:
        able = coverage[:, [places[character] for character in text]].all(axis=1)
        if text.strip() and able.any():
            chosen.append((text, int(draw_weighted(random, to_whole(able * np.asarray(weights)), 1)[0])))
    return chosen
