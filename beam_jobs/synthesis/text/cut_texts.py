"""Lines that are cut from the text of a corpus."""

from collections.abc import Iterator, Sequence

import numpy as np
from absl import logging

from densenet_ocr.beam_jobs.synthesis.text.corpus import Corpus, find_undrawn
from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets
from densenet_ocr.beam_jobs.synthesis.text.lengths import Lengths
from densenet_ocr.beam_jobs.synthesis.text.plan import BLOCK
from densenet_ocr.beam_jobs.synthesis.text.sampling import draw_below, draw_weighted, to_whole
from densenet_ocr.beam_jobs.synthesis.text.windows import find_windows
from densenet_ocr.pipeline.charset import show_characters
from densenet_ocr.pipeline.errors import UserError

_LONGEST_SHOWN = 64  # how far an error looks for lengths that a corpus can give
_MOST_SHOWN = 20


class CutTexts:
    """Draws such lines; raises UserError for a corpus that has none."""

    def __init__(self, corpus: Corpus, sets: FaceSets, lengths: Lengths, max_frames: int | None):
        """Takes frames that a line has at most (None: any number)."""
        windows = find_windows(corpus, sets, lengths.values, max_frames=max_frames)
        weights = [
            weight if windows[value].counts.good else 0
            for value, weight in zip(lengths.values, lengths.weights, strict=True)
        ]
        if not any(weights):
            raise _refuse(corpus, sets, lengths, max_frames)
        lacking = [value for value, weight in zip(lengths.values, weights, strict=True) if not weight]
        if lacking:
            shown = _describe_numbers(lacking)
            logging.warning(
                "text %s gives no lines of %s characters: others come more often", corpus.name, shown
            )
        self._corpus, self._sets, self._windows = corpus, sets, windows
        self._values, self._weights = np.array(lengths.values), to_whole(weights)

    def draw(self, plan: np.ndarray, numbers: np.ndarray, random: np.random.Generator) -> Iterator[int]:
        """Gives lines of a plan, by their numbers, lengths, texts and faces; yields how many it has given."""
        for start in range(0, len(numbers), BLOCK):
            lines = numbers[start : start + BLOCK]
            lengths = self._values[draw_weighted(random, self._weights, len(lines))]
            ids = np.zeros((len(lines), plan["ids"].shape[1]), np.uint16)
            for length in np.unique(lengths).tolist():
                its = np.flatnonzero(lengths == length)
                ids[its, :length] = self._cut(length, len(its), random)
            faces = self._sets.choose(self._sets.of_lines(ids, lengths), random)
            plan["ids"][lines], plan["length"][lines], plan["face"][lines] = ids, lengths, faces
            yield len(lines)

    def _cut(self, length: int, count: int, random: np.random.Generator) -> np.ndarray:
        """The ids of windows, all of them alike, int32 [count, length]."""
        windows = self._windows[length]
        starts = windows.find(draw_below(random, windows.counts.good, count))
        return self._corpus.ids[starts[:, None] + np.arange(length)]


def _refuse(corpus: Corpus, sets: FaceSets, lengths: Lengths, max_frames: int | None) -> UserError:
    """The error for a corpus without lines: it tells what stands in their way."""
    several = range(1, max(_LONGEST_SHOWN, lengths.longest) + 1)
    counts = {
        n: found.counts for n, found in find_windows(corpus, sets, several, max_frames=max_frames).items()
    }
    wished, given = [counts[value] for value in lengths.values], [n for n in several if counts[n].good]
    received = f"no line of {_describe_numbers(lengths.values)} characters"
    if any(found.frames for found in wished):
        received += f" that fits {max_frames} frames"
        expected, remedy = (
            "a frame a character, and one between equal neighbours",
            "Set --length or --image_width.",
        )
    elif any(found.no_face for found in wished):
        received += f" that one face draws, for few draw {_describe_rare(corpus, sets)}"
        expected, remedy = (
            "a face that draws all of a line",
            "Give --fonts that draw more of them, or set --length.",
        )
    elif given:
        received += " that is cut between words"
        expected, remedy = f"lengths that it can give: {_describe_numbers(given)}", "Set --length."
    else:
        received = f"no text that can be drawn: {_describe_lost(corpus, sets)}"
        expected = "characters that the charset has and a face draws"
        remedy = "Check --charset and --fonts, or set --character_map."
    return UserError(f"text {corpus.name}", received=received, expected=expected, remedy=remedy)


def _describe_rare(corpus: Corpus, sets: FaceSets) -> str:
    """The characters of a corpus that the fewest faces draw."""
    faces = sets.coverage.sum(axis=0)
    ids = np.flatnonzero((corpus.count_ids(sets.characters) > 0) & (faces > 0))
    ids = ids[np.argsort(faces[ids], kind="stable")]
    return show_characters(corpus.charset.decode(ids), _MOST_SHOWN)


def _describe_lost(corpus: Corpus, sets: FaceSets) -> str:
    """The characters of a corpus that the charset lacks or no face draws."""
    undrawn = find_undrawn([corpus], sets.coverage)
    parts = [
        f"{what} {show_characters(list(lost), _MOST_SHOWN)}"
        for what, lost in (("the charset lacks", corpus.outside), ("no face draws", undrawn))
        if lost
    ]
    return "; ".join(parts) or "it is empty"


def _describe_numbers(numbers: Sequence[int]) -> str:
    """Ascending numbers, with runs as first-last."""
    numbers = np.asarray(numbers)
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
