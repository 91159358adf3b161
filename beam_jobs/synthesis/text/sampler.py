"""Samples the text and the face of every line: windows of corpora, or characters of the charset at random."""

import math
from collections.abc import Sequence

import numpy as np
from absl import logging

from densenet_ocr.beam_jobs.synthesis.text.corpus import Corpus
from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets
from densenet_ocr.beam_jobs.synthesis.text.lengths import Lengths, format_numbers
from densenet_ocr.beam_jobs.synthesis.text.plan import (
    draw_below,
    draw_weighted,
    fits_frames,
    is_place,
    plan_dtype,
    split_blocks,
    to_integers,
)
from densenet_ocr.beam_jobs.synthesis.text.windows import explain_no_windows, find_windows
from densenet_ocr.pipeline.charset import show_characters
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.progress import Progress

_MOST_CHARACTERS = 65536  # class ids of a plan are uint16

# After so many draws of a line's characters that need too many frames, the command gives up.
_MOST_DRAWS = 64


def sample_texts(
    corpora: Sequence[Corpus],
    sets: FaceSets,
    *,
    count: int,
    lengths: Lengths,
    random: np.random.Generator,
    max_frames: float = math.inf,
) -> np.ndarray:
    """Samples the text and the face of each line.

    A line takes a corpus by weight, a length by weight among those that the corpus has, one of the corpus's
    windows of that length, all equally likely, and a face by weight among those that have all its characters.
    A window starts and ends at breaks (see corpus.find_breaks) and lies in one row. It neither starts nor ends
    with a space.

    Args:
      corpora: Sources of text.
      sets: The faces that have each character; a face of weight 0 is not used.
      count: Number of lines.
      lengths: Distribution of the number of characters per line.
      random: Source of all that is random.
      max_frames: Most frames that a line may need (see plan.fits_frames); math.inf for any number.

    Returns:
      Lines of plan.plan_dtype, [count].

    Raises:
      UserError: a corpus has no line.
    """
    if sets.characters > _MOST_CHARACTERS:
        raise UserError(
            "charset",
            received=f"{sets.characters} characters",
            expected=f"at most {_MOST_CHARACTERS}",
            remedy="Set --charset.",
        )
    samplers: list[CorpusSampler | UniformSampler] = [
        (UniformSampler if corpus.uniform else CorpusSampler)(corpus, sets, lengths, max_frames)
        for corpus in corpora
    ]
    plan = np.zeros(count, plan_dtype(lengths.longest))
    chosen = _choose_corpora(corpora, count, random)
    done, progress = 0, Progress("sample texts", count, "lines")
    for number, sampler in enumerate(samplers):
        lines = np.flatnonzero(chosen == number)
        for block in split_blocks(len(lines)):
            plan[lines[block]] = sampler.sample(len(lines[block]), random)
            done += len(lines[block])
            progress.show(done)
    progress.close(done)
    return plan


class CorpusSampler:
    """Samples windows of a corpus."""

    def __init__(self, corpus: Corpus, sets: FaceSets, lengths: Lengths, max_frames: float) -> None:
        """Raises UserError where the corpus has no window of these lengths."""
        windows = find_windows(corpus, sets, lengths.values, max_frames=max_frames)
        lengths_found = lengths.keep(lambda value: windows[value].counts.good > 0)
        if not lengths_found.values:
            raise explain_no_windows(corpus, sets, lengths, max_frames)
        lacking = [value for value in lengths.values if not windows[value].counts.good]
        if lacking:
            logging.warning(
                "text %s has no lines of %s characters: other lengths are used instead",
                corpus.name,
                format_numbers(lacking),
            )
        self._corpus, self._sets, self._windows = corpus, sets, windows
        self._lengths, self._dtype = lengths_found, plan_dtype(lengths.longest)

    def sample(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Returns lines of plan.plan_dtype, [count]; at most plan.BLOCK of them."""
        lines = np.zeros(count, self._dtype)
        lines["length"] = self._lengths.draw(random, count)
        for length in np.unique(lines["length"]).tolist():
            its = np.flatnonzero(lines["length"] == length)
            windows = self._windows[length]
            starts = windows.find(draw_below(random, windows.counts.good, len(its)))
            lines["ids"][its, :length] = self._corpus.ids[starts[:, None] + np.arange(length)]
        lines["face"] = self._sets.choose(self._sets.of_lines(lines["ids"], lines["length"]), random)
        return lines


class UniformSampler:
    """Samples characters of the charset, all equally often, whatever faces have them.

    Each character takes its faces by weight. A face is used as often as characters take it, and its lines have
    each of them as often as it takes this face.
    """

    def __init__(self, corpus: Corpus, sets: FaceSets, lengths: Lengths, max_frames: float) -> None:
        """Raises UserError where no face has a character, or no length fits the frames."""
        self._corpus, self._all_lengths, self._max_frames = corpus, lengths, max_frames
        characters = corpus.ids[sets.drawable[corpus.ids]]
        if not len(characters):
            raise self._refuse("no face that has any of them")
        shares = sets.coverage[:, characters] * sets.weights[:, None].astype(np.float64)
        shares /= shares.sum(axis=0)
        self._faces = to_integers(shares.sum(axis=1))
        self._of_face = [(characters[took > 0], took[took > 0]) for took in shares]
        self._lengths = lengths.keep(lambda value: value <= max_frames)
        if not self._lengths.values:
            raise self._refuse_frames()

    def sample(self, count: int, random: np.random.Generator) -> np.ndarray:
        """See CorpusSampler; raises UserError where no draw fits the frames."""
        lines = np.zeros(count, plan_dtype(self._all_lengths.longest))
        lines["length"] = self._lengths.draw(random, count)
        left = np.arange(count)
        for _ in range(_MOST_DRAWS):
            lines[left] = self._draw_texts(lines["length"][left], random)
            left = left[~fits_frames(lines["ids"][left], lines["length"][left], self._max_frames)]
            if not len(left):
                return lines
        raise self._refuse_frames()

    def _draw_texts(self, lengths: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Lines of these lengths (uint16 [lines]), with faces and ids."""
        lines = np.zeros(len(lengths), plan_dtype(self._all_lengths.longest))
        lines["length"], lines["face"] = lengths, draw_weighted(random, self._faces, len(lengths))
        inside = is_place(lengths, self._all_lengths.longest)
        for face in np.unique(lines["face"]).tolist():
            its, (characters, shares) = np.flatnonzero(lines["face"] == face), self._of_face[face]
            drawn = characters[draw_weighted(random, to_integers(shares), inside[its].size)]
            lines["ids"][its] = np.where(inside[its], drawn.reshape(len(its), -1), 0)
        return lines

    def _refuse_frames(self) -> UserError:
        lengths = self._all_lengths
        return self._refuse(
            f"no lines of {lengths.values[0]} to {lengths.longest} of them that fit {self._max_frames} frames"
        )

    def _refuse(self, received: str) -> UserError:
        return UserError(
            f"text {self._corpus.name}, {show_characters(self._corpus.charset.characters, 20)}",
            received=received,
            expected="faces that have characters of the charset, and one frame per character",
            remedy="Check --fonts and --charset, or set --length or --image_width.",
        )


def _choose_corpora(corpora: Sequence[Corpus], count: int, random: np.random.Generator) -> np.ndarray:
    """Indices of corpora by weight, uint16 [count]."""
    chosen, weights = np.empty(count, np.uint16), to_integers([corpus.weight for corpus in corpora])
    for block in split_blocks(count):
        chosen[block] = draw_weighted(random, weights, block.stop - block.start)
    return chosen
