"""Lines of characters of the charset at random, each as likely as any other, and as likely after any other."""

from collections.abc import Iterator

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.corpus import Corpus
from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets
from densenet_ocr.beam_jobs.synthesis.text.lengths import Lengths
from densenet_ocr.beam_jobs.synthesis.text.plan import BLOCK, count_frames
from densenet_ocr.beam_jobs.synthesis.text.sampling import draw_weighted, to_whole
from densenet_ocr.pipeline.charset import show_characters
from densenet_ocr.pipeline.errors import UserError

# Draws of a line, of which none fits its frames, before there can be none that does.
_MOST_DRAWS = 64


class UniformTexts:
    """Draws such lines; raises UserError where faces draw none of them.

    Every character takes its faces by weight. A face is drawn as often as characters take it, and in its lines
    each of them as often as it takes this face: so all come equally often, whatever faces have in common.
    """

    def __init__(self, corpus: Corpus, sets: FaceSets, lengths: Lengths, max_frames: int | None):
        """Takes frames that a line has at most (None: any number)."""
        self._corpus, self._sets, self._lengths, self._max_frames = corpus, sets, lengths, max_frames
        characters = corpus.ids[sets.drawable[corpus.ids]]
        if not len(characters):
            raise self._refuse("no face that draws any of them")
        chances = sets.coverage[:, characters] * sets.whole[:, None].astype(np.float64)
        chances /= chances.sum(axis=0)
        self._faces = to_whole(chances.sum(axis=1))
        self._of_face = [(characters[took > 0], took[took > 0]) for took in chances]
        most = lengths.longest if max_frames is None else max_frames
        weights = [
            weight if value <= most else 0
            for value, weight in zip(lengths.values, lengths.weights, strict=True)
        ]
        if not any(weights):
            raise self._refuse_frames()
        self._values, self._weights = np.array(lengths.values), to_whole(weights)

    def draw(self, plan: np.ndarray, numbers: np.ndarray, random: np.random.Generator) -> Iterator[int]:
        """Gives lines of a plan, by their numbers, lengths, texts and faces; yields how many it has given."""
        for start in range(0, len(numbers), BLOCK):
            lines = numbers[start : start + BLOCK]
            plan["length"][lines] = self._values[draw_weighted(random, self._weights, len(lines))]
            for _ in range(_MOST_DRAWS):
                self._draw_once(plan, lines, random)
                lines = lines[~self._fits(plan, lines)]
                if not len(lines):
                    break
            else:
                raise self._refuse_frames()
            yield min(BLOCK, len(numbers) - start)

    def _draw_once(self, plan: np.ndarray, lines: np.ndarray, random: np.random.Generator) -> None:
        faces = draw_weighted(random, self._faces, len(lines))
        places = np.arange(plan["ids"].shape[1])
        for face in np.unique(faces).tolist():
            its, (characters, chances) = lines[faces == face], self._of_face[face]
            drawn = characters[draw_weighted(random, to_whole(chances), len(its) * len(places))]
            inside = places < plan["length"][its, None]
            plan["ids"][its] = np.where(inside, drawn.reshape(len(its), -1), 0)
        plan["face"][lines] = faces

    def _fits(self, plan: np.ndarray, lines: np.ndarray) -> np.ndarray:
        """Which lines their frames hold, bool [lines]."""
        if self._max_frames is None:
            return np.ones(len(lines), bool)
        return count_frames(plan["ids"][lines], plan["length"][lines]) <= self._max_frames

    def _refuse_frames(self) -> UserError:
        lengths = self._lengths
        return self._refuse(
            f"no lines of {lengths.values[0]} to {lengths.longest} of them that fit {self._max_frames} frames"
        )

    def _refuse(self, received: str) -> UserError:
        return UserError(
            f"text {self._corpus.name}, {show_characters(self._corpus.charset.characters, 20)}",
            received=received,
            expected="faces that draw characters of the charset, and a frame for each of a line",
            remedy="Check --fonts and --charset, or set --length or --image_width.",
        )
