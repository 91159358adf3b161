"""Makes rare characters frequent enough: each one occurs at least N times in a text plan."""

import dataclasses
import math

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets
from densenet_ocr.beam_jobs.synthesis.text.plan import (
    BLOCK,
    count_characters,
    draw_below,
    fits_frames,
    is_place,
    shuffle,
    split_blocks,
)
from densenet_ocr.pipeline.charset import Charset, show_characters
from densenet_ocr.pipeline.errors import UserError

_FEWEST_LINES = 16384  # lines tried per numpy operation
_MOST_SHOWN = 20

# Laps that keep the rest of a line end when one of them fills a smaller share of the shortage.
_LEAST_SHARE = 0.1

# Laps without a replacement, at random places, after which there is no room.
_MOST_IDLE_LAPS = 5


def ensure_minimum_counts(
    plan: np.ndarray,
    sets: FaceSets,
    *,
    minimum: int,
    charset: Charset,
    random: np.random.Generator,
    max_frames: float = math.inf,
) -> np.ndarray:
    """Returns a plan in which every character that some face has occurs at least `minimum` times.

    A rare character replaces one that occurs more than `minimum` times, at a random place of a line that some
    face can render with it. The lines with the fewest changes come first. Where no such line is left, those
    characters of a line are replaced, too, that the rare character's face lacks. Lines keep their lengths, and
    their faces where these still have all characters. A space is put between two other characters only.

    Args:
      plan: Lines of plan.plan_dtype, [lines].
      sets: The faces that have each character; a face of weight 0 is not used.
      minimum: Least number of occurrences.
      charset: Names the characters in errors.
      random: Source of all that is random.
      max_frames: Most frames that a line may need; math.inf for any number.

    Raises:
      UserError: the plan has too few lines.
    """
    work = _Replacement(plan, sets, charset, minimum, max_frames, random)
    asked, present = minimum * int(sets.drawable.sum()), int(work.counts.sum())
    if asked > present:
        raise _refuse(work, math.ceil(1.5 * asked * len(plan) / max(present, 1)))
    while (before := work.shortage) and work.run_lap(whole_lines=False) > _LEAST_SHARE * before:
        pass
    idle = 0
    while work.shortage and idle < _MOST_IDLE_LAPS:
        idle = 0 if work.run_lap(whole_lines=True) else idle + 1
    if work.shortage:
        raise _refuse(work, 2 * len(plan))
    _check(work)
    return work.plan


@dataclasses.dataclass
class _Replacement:
    """A copy of a plan in which rare characters replace frequent ones; see ensure_minimum_counts."""

    plan: np.ndarray
    sets: FaceSets
    charset: Charset
    minimum: int
    max_frames: float
    random: np.random.Generator

    def __post_init__(self) -> None:
        self.plan = self.plan.copy()
        self.counts = count_characters(self.plan, self.sets.characters)
        self._is_space = np.array([character.isspace() for character in self.charset.characters])
        self._changes = np.zeros(len(self.plan), np.uint16)  # characters replaced in each line

    @property
    def surplus(self) -> np.ndarray:
        """Occurrences of each character beyond the minimum, int64 [characters]; negative if it is rare."""
        return self.counts - self.minimum

    @property
    def missing(self) -> np.ndarray:
        """Missing occurrences of each character that some face has, int64 [characters]."""
        return np.where(self.sets.drawable, np.maximum(-self.surplus, 0), 0)

    @property
    def shortage(self) -> int:
        """Missing occurrences of all characters."""
        return int(self.missing.sum())

    def _list_needs(self) -> np.ndarray:
        """The rare characters in random order, int64 [N], each as often as it is missing."""
        needs = np.repeat(np.arange(len(self.counts)), self.missing)
        return needs[shuffle(self.random, len(needs))]

    def run_lap(self, *, whole_lines: bool) -> int:
        """Tries every line once; returns by how much the shortage fell."""
        before, start = self.shortage, 0
        order = np.argsort(self._changes + self.random.random(len(self.plan)), kind="stable")
        while start < len(order) and len(needs := self._list_needs()):
            lines = order[start : start + min(max(len(needs), _FEWEST_LINES), BLOCK)]
            self._replace(lines, needs, whole_lines)
            start += len(lines)
        return before - self.shortage

    def _replace(self, lines: np.ndarray, needs: np.ndarray, whole_lines: bool) -> None:
        """Puts a need (int64 [N]) into each of `lines` (int64 [lines]) that can have it, or several of them."""
        mean_length = self.counts.sum() / len(self.plan)
        first = math.ceil(len(needs) / mean_length) if whole_lines else len(needs)
        tried = np.arange(len(lines)) % first
        old, lengths = self.plan["ids"][lines], self.plan["length"][lines]
        new, good = self._insert(old, lengths, needs[tried])
        faces = self.sets.of_lines(new, lengths)
        if whole_lines:
            mixed = np.flatnonzero(good & ~faces.any(axis=1))
            new[mixed] = self._fill(new[mixed], lengths[mixed], needs[tried[mixed]], needs[first:])
            faces = self.sets.of_lines(new, lengths)
        good &= faces.any(axis=1) & fits_frames(new, lengths, self.max_frames)
        chosen = np.flatnonzero(good)
        chosen = chosen[np.unique(tried[chosen], return_index=True)[1]]  # one line per need
        chosen = chosen[self._is_surplus(old[chosen], new[chosen])]
        self._apply(lines[chosen], new[chosen], faces[chosen])

    def _insert(
        self, old: np.ndarray, lengths: np.ndarray, wanted: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lines ([lines, longest]) with `wanted` ([lines]) at a random place; whether allowed, bool [lines]."""
        inside = is_place(lengths, old.shape[1])
        solid = np.pad(inside & ~self._is_space[old], ((0, 0), (1, 1)))
        free = inside & (self.surplus[old] > 0)
        free &= ~self._is_space[wanted][:, None] | (solid[:, :-2] & solid[:, 2:])
        place = np.argmax(np.where(free, self.random.random(free.shape), -1), axis=1)
        rows, new = np.arange(len(old)), old.copy()
        new[rows, place] = wanted
        return new, free[rows, place]

    def _fill(self, ids: np.ndarray, lengths: np.ndarray, wanted: np.ndarray, needs: np.ndarray) -> np.ndarray:
        """Lines (uint16 [lines, longest]) in a face that has `wanted` (int64 [lines]): replaces what it lacks.

        First by further needs (int64 [N]) that the face has, then by any of its characters.
        """
        filled, coverage = ids.copy(), self.sets.coverage
        usefulness = 1 + coverage[:, needs].sum(axis=1)
        faces = np.argmax(coverage[:, wanted] * usefulness[:, None], axis=0)
        lacking = is_place(lengths, ids.shape[1]) & ~coverage[faces[:, None], ids]
        for face in np.unique(faces).tolist():
            own = coverage[face] & ~self._is_space
            if own.any():
                cells = lacking & (faces == face)[:, None]
                rest = np.flatnonzero(own)
                rest = rest[draw_below(self.random, len(rest), int(cells.sum()))]
                filled[cells] = np.concatenate([needs[own[needs]], rest])[: cells.sum()]
        return filled

    def _is_surplus(self, old: np.ndarray, new: np.ndarray) -> np.ndarray:
        """Which lines ([lines, longest] each) lose only characters that then still occur often enough."""
        lines, places = np.nonzero(old != new)
        lost = old[lines, places]
        enough = np.ones(len(old), bool)
        enough[lines[_rank(lost) >= self.surplus[lost]]] = False
        return enough

    def _apply(self, lines: np.ndarray, ids: np.ndarray, faces: np.ndarray) -> None:
        """Stores lines ([lines, longest]); a face that lacks a character is replaced by one of its set."""
        old = self.plan["ids"][lines]
        changed = old != ids
        self.counts += np.bincount(ids[changed], minlength=len(self.counts))
        self.counts -= np.bincount(old[changed], minlength=len(self.counts))
        self._changes[lines] += changed.sum(axis=1).astype(np.uint16)
        self.plan["ids"][lines] = ids
        lost = ~self.sets.has(faces, self.plan["face"][lines])
        self.plan["face"][lines[lost]] = self.sets.choose(faces[lost], self.random)


def _rank(values: np.ndarray) -> np.ndarray:
    """Returns how many equal values come before each one, int64 [N]."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    ranks = np.empty(len(values), np.int64)
    ranks[order] = np.arange(len(values)) - np.searchsorted(ordered, ordered, side="left")
    return ranks


def _refuse(work: _Replacement, lines: int) -> UserError:
    names = work.charset.decode(np.flatnonzero(work.missing).tolist())
    return UserError(
        "min_per_character",
        received=f"{work.minimum} with {len(work.plan)} lines, which have no room for {work.shortage} more "
        f"characters: {show_characters(names, _MOST_SHOWN)}",
        expected=f"about {lines} lines, for {int(work.sets.drawable.sum())} characters that faces have",
        remedy="Set a larger --lines, a larger --length or a smaller --min_per_character.",
    )


def _check(work: _Replacement) -> None:
    """Raises ValueError unless the result is what ensure_minimum_counts promises."""
    counts = count_characters(work.plan, work.sets.characters)
    if (counts[work.sets.drawable] < work.minimum).any():
        raise ValueError("a character occurs too rarely")
    for block in split_blocks(len(work.plan)):
        ids, lengths = work.plan["ids"][block], work.plan["length"][block]
        if not work.sets.has(work.sets.of_lines(ids, lengths), work.plan["face"][block]).all():
            raise ValueError("a line has a face that lacks one of its characters")
        if not fits_frames(ids, lengths, work.max_frames).all():
            raise ValueError("a line needs more frames than it has")
