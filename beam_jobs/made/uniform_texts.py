"""Lines that hold every character equally often: random orders of all of them, one after the other."""

from collections.abc import Iterator

import numpy as np

from beam_jobs.made.chances import draw_below, draw_weighted, shuffle, to_whole
from beam_jobs.made.corpus import Corpus
from beam_jobs.made.face_sets import FaceSets
from beam_jobs.made.lengths import Lengths
from beam_jobs.made.plan import BLOCK, count_frames, is_place
from pipeline.charset import show_characters
from pipeline.errors import UserError

_MOST_IDLE_ROUNDS = 16


class UniformTexts:
    """Draws such lines; raises UserError where faces draw none of them.

    Every character goes to one of its faces by weight; of the characters that went to one face its lines are
    cut. What is left over goes first into the next lines, so that counts differ by little at the end.
    """

    def __init__(self, corpus: Corpus, sets: FaceSets, lengths: Lengths, max_frames: int | None):
        """Takes frames that a line has at most (None: any number)."""
        self._characters = corpus.ids[sets.drawable[corpus.ids]]
        fits = max_frames is None or lengths.values[0] <= max_frames
        if not len(self._characters) or not fits:
            raise _refuse(corpus, lengths, max_frames, fits)
        weights = [
            weight if max_frames is None or value <= max_frames else 0
            for value, weight in zip(lengths.values, lengths.weights, strict=True)
        ]
        self._values, self._weights = np.array(lengths.values), to_whole(weights)
        self._sets, self._max_frames = sets, max_frames
        # The weights of all characters' faces, one character after the other: int64 [characters, faces].
        chances = sets.coverage.T * sets.whole
        self._totals, self._ends = chances.sum(axis=1), np.cumsum(chances).reshape(chances.shape)
        self._refusal = _refuse(corpus, lengths, max_frames, False)

    def draw(self, plan: np.ndarray, numbers: np.ndarray, random: np.random.Generator) -> Iterator[int]:
        """Gives lines of a plan, by their numbers, lengths, texts and faces; yields how many it has given."""
        for start in range(0, len(numbers), BLOCK):
            lines = numbers[start : start + BLOCK]
            plan["length"][lines] = self._values[draw_weighted(random, self._weights, len(lines))]
        waiting, idle = np.zeros(0, np.int64), 0
        while len(numbers):
            lines = numbers[:BLOCK][shuffle(random, min(len(numbers), BLOCK))]
            # Once no face has a line left of them, more characters than needed, in another order.
            wanted = int(plan["length"][lines].sum()) + idle * len(self._characters)
            waiting = self._extend(waiting, wanted, random)
            stream = waiting[:wanted][shuffle(random, wanted)] if idle else waiting[:wanted]
            done, left = self._fill(plan, lines, stream, random)
            waiting = np.concatenate([left, waiting[wanted:]])
            idle = 0 if done.any() else idle + 1
            if idle > _MOST_IDLE_ROUNDS:
                raise self._refusal
            numbers = np.concatenate([np.sort(lines[~done]), numbers[BLOCK:]])
            yield int(done.sum())

    def _extend(self, waiting: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        """At least `count` characters: those that wait, and whole orders of all behind them."""
        orders = max(0, -(-(count - len(waiting)) // len(self._characters)))
        shuffled = [self._characters[shuffle(random, len(self._characters))] for _ in range(orders)]
        return np.concatenate([waiting, *shuffled])

    def _fill(self, plan, lines, stream, random) -> tuple[np.ndarray, np.ndarray]:
        """Cuts lines, in their order, from a stream; returns which got a text, and the characters left over."""
        faces = self._choose(stream, random)
        lengths, done = plan["length"][lines].astype(np.int64), np.zeros(len(lines), bool)
        ends, line, left = np.cumsum(lengths), 0, []
        for face in np.unique(faces):
            pool = stream[faces == face]
            start = int(ends[line - 1]) if line else 0
            stop = int(np.searchsorted(ends, start + len(pool), side="right"))
            taken = slice(line, stop)
            used = int(ends[stop - 1]) - start if stop > line else 0
            good = self._write(plan, lines[taken], lengths[taken], int(face), pool[:used])
            done[taken] = good
            left += [pool[:used][np.repeat(~good, lengths[taken])], pool[used:]]
            line = stop
        return done, np.concatenate([np.zeros(0, np.int64), *left])

    def _write(self, plan, lines, lengths, face, text) -> np.ndarray:
        """Writes a text into lines of one face; returns where it fits the frames, bool [lines]."""
        ids = np.zeros((len(lines), plan["ids"].shape[1]), np.uint16)
        ids[is_place(lengths, ids.shape[1])] = text
        good = np.ones(len(lines), bool)
        if self._max_frames is not None:
            good = count_frames(ids, lengths) <= self._max_frames
        plan["ids"][lines[good]], plan["face"][lines[good]] = ids[good], face
        return good

    def _choose(self, ids: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """A face by weight for each character, int64 [N]."""
        drawn = draw_below(random, self._totals[ids], len(ids))
        before = self._ends[ids, -1] - self._totals[ids]
        return np.searchsorted(self._ends.ravel(), before + drawn, side="right") - ids * self._sets.faces


def _refuse(corpus: Corpus, lengths: Lengths, max_frames: int | None, fits: bool) -> UserError:
    shown = show_characters(corpus.charset.characters, 20)
    return UserError(
        f"text {corpus.name}",
        received=f"no face that draws any of {shown}"
        if fits
        else f"no lines of {lengths.values[0]} to {lengths.longest} characters that fit {max_frames} frames",
        expected="faces that draw characters of the charset, and a frame for each of a line",
        remedy="Check --fonts and --charset, or set --length or --image_width.",
    )
