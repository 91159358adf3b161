"""The texts of lines: cut from corpora at random, each for a face that draws all of it."""

from collections.abc import Sequence

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.corpus import Corpus
from densenet_ocr.beam_jobs.synthesis.text.cut_texts import CutTexts
from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets
from densenet_ocr.beam_jobs.synthesis.text.lengths import Lengths
from densenet_ocr.beam_jobs.synthesis.text.plan import plan_dtype, split_blocks
from densenet_ocr.beam_jobs.synthesis.text.sampling import draw_weighted, to_whole
from densenet_ocr.beam_jobs.synthesis.text.uniform_texts import UniformTexts
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.progress import Progress

_MOST_CHARACTERS = 65536  # of a plan's uint16


def draw_texts(
    corpora: Sequence[Corpus],
    coverage: np.ndarray,
    weights: np.ndarray,
    *,
    count: int,
    lengths: Lengths,
    random: np.random.Generator,
    max_frames: int | None = None,
) -> np.ndarray:
    """Texts and faces of `count` lines, plan.plan_dtype(lengths.longest) [count].

    `coverage` (bool [faces, characters]) says which face draws what, `weights` (float [faces]) how often a face
    is drawn; one of 0 never is. A line takes a corpus by weight, a length by weight among those that the corpus
    can give, one of the corpus's windows of that length, all alike, and a face by weight among those that have
    all its characters. A window is cut as cuts.find_cuts allows, lies in one row, neither begins nor ends with
    a space, has a face, and fits `max_frames` frames (pipeline.frames.required_frames; None: any number).
    Raises UserError where a corpus can give no line.
    """
    _check_size(coverage.shape[1])
    sets = FaceSets(coverage, weights)
    kinds = [UniformTexts if corpus.uniform else CutTexts for corpus in corpora]
    texts = [kind(corpus, sets, lengths, max_frames) for kind, corpus in zip(kinds, corpora, strict=True)]
    plan = np.zeros(count, plan_dtype(lengths.longest))
    chosen = _choose_corpora(corpora, count, random)
    done, progress = 0, Progress("draw texts", count, "lines")
    for number, its_texts in enumerate(texts):
        for lines in its_texts.draw(plan, np.flatnonzero(chosen == number), random):
            done += lines
            progress.show(done)
    progress.close(done)
    return plan


def _check_size(characters: int) -> None:
    if characters > _MOST_CHARACTERS:
        raise UserError(
            "charset",
            received=f"{characters} characters",
            expected=f"at most {_MOST_CHARACTERS}",
            remedy="Set --charset.",
        )


def _choose_corpora(corpora: Sequence[Corpus], count: int, random: np.random.Generator) -> np.ndarray:
    """A corpus by weight for each line, uint16 [count]."""
    chosen, whole = np.empty(count, np.uint16), to_whole([corpus.weight for corpus in corpora])
    for block in split_blocks(count):
        chosen[block] = draw_weighted(random, whole, block.stop - block.start)
    return chosen
