"""Rare characters are put into random lines, each in place of a character that has more than enough."""

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.places import Places
from densenet_ocr.beam_jobs.synthesis.text.plan import BLOCK, is_place
from densenet_ocr.beam_jobs.synthesis.text.sampling import shuffle

_TRIES = 16384  # lines that are tried in a round at least
# After so many rounds in which fewer than one in a hundred found a place, lines for them are hardly there.
_ROUNDS, _FEW = 32, 0.01


def plant(places: Places, needs: np.ndarray, random: np.random.Generator, *, most: int) -> np.ndarray:
    """Puts characters (int64 [N]) into lines that took fewer than `most`; returns those without a place."""
    while len(needs):
        before, lines = len(needs), _Lines(places, most, random)
        for _ in range(_ROUNDS):
            needs = _plant_some(places, needs, lines.take(max(len(needs), _TRIES)), random)
        if before - len(needs) < _FEW * before:
            break
    return needs


class _Lines:
    """Lines that may still take characters, in a random order that begins again at its end."""

    def __init__(self, places: Places, most: int, random: np.random.Generator):
        self._places, self._most, self._place = places, most, 0
        free = np.flatnonzero(places.planted < most)
        self._order = free[shuffle(random, len(free))]

    def take(self, count: int) -> np.ndarray:
        """The next lines, all different, without those that have taken enough: `count` at most."""
        count = min(count, BLOCK, len(self._order))
        places = np.arange(self._place, self._place + count) % max(len(self._order), 1)
        self._place += count
        lines = self._order[places]
        return lines[self._places.planted[lines] < self._most]


def _plant_some(
    places: Places, needs: np.ndarray, lines: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Tries each line for one need, all needs again where there are more lines; returns those left."""
    if not len(lines) or not len(needs):
        return needs
    tried = np.arange(len(lines)) % len(needs)
    where, good = _find_places(places, needs[tried], lines, random)
    good &= _is_first(tried, good)
    old = places.plan["ids"][lines, where]
    good[good] = _rank(old[good]) < places.surplus[old[good]]
    places.replace(lines[good], where[good], needs[tried[good]])
    places.set_faces(lines[good], random)
    waiting = np.ones(len(needs), bool)
    waiting[tried[good]] = False
    # Those that were tried in vain come behind those that were not.
    left = np.concatenate([np.arange(len(lines), len(needs)), np.arange(min(len(lines), len(needs)))])
    return needs[left[waiting[left]]]


def _find_places(places: Places, new: np.ndarray, lines: np.ndarray, random) -> tuple[np.ndarray, np.ndarray]:
    """A random place in each line for its new character, int64 [lines], and whether it may go there."""
    ids, lengths = places.plan["ids"][lines], places.plan["length"][lines]
    free = is_place(lengths, ids.shape[1]) & (places.surplus[ids] > 0)
    free &= ~places.is_space[new][:, None] | _is_between(ids, lengths, places.is_space)
    chances = random.random(free.shape)
    where = np.argmax(np.where(free, chances, -1), axis=1)
    rows = np.arange(len(lines))
    good = free[rows, where]
    ids[rows, where] = new
    good &= places.sets.of_lines(ids, lengths).any(axis=1) & places.fits(ids, lengths)
    return where, good


def _is_between(ids: np.ndarray, lengths: np.ndarray, is_space: np.ndarray) -> np.ndarray:
    """Which places lie between two characters that are no spaces, bool [lines, longest]."""
    solid = np.pad(is_place(lengths, ids.shape[1]) & ~is_space[ids], ((0, 0), (1, 1)))
    return solid[:, :-2] & solid[:, 2:]


def _is_first(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Which values are the first of their kind where the mask holds, bool [N]."""
    places = np.flatnonzero(mask)
    first = np.zeros(len(values), bool)
    first[places[np.unique(values[places], return_index=True)[1]]] = True
    return first


def _rank(values: np.ndarray) -> np.ndarray:
    """How many equal values stand before each, int64 [N]."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.searchsorted(ordered, ordered, side="left")
    ranks = np.empty(len(values), np.int64)
    ranks[order] = np.arange(len(values)) - starts
    return ranks
