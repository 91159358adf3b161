"""Lines are rewritten with characters of one face, for those that share a face with hardly any text."""

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.places import Places
from densenet_ocr.beam_jobs.synthesis.text.plan import BLOCK, is_place
from densenet_ocr.beam_jobs.synthesis.text.sampling import draw_below, shuffle


def rewrite(places: Places, needs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Puts characters (int64 [N]) into rewritten lines; returns those without a place."""
    left = [needs[:0]]
    while len(needs):
        # The face that draws most of them.
        face = int(np.argmax(places.sets.coverage[:, needs].sum(axis=1)))
        its = places.sets.coverage[face, needs]
        left.append(_rewrite_for(places, face, needs[its], random))
        needs = needs[~its]
    return np.concatenate(left)


def _rewrite_for(places: Places, face: int, needs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Rewrites lines for one face until its characters have their places, or there are no more lines."""
    if not (places.sets.coverage[face] & ~places.is_space).any():
        return needs
    order = shuffle(random, len(places.plan))
    for start in range(0, len(order), BLOCK):
        lines = order[start : start + BLOCK]
        for line in lines[_may_be_rewritten(places, face, lines)].tolist():
            if not len(needs):
                return needs
            needs = needs[~_rewrite_line(places, face, line, needs, random)]
    return needs


def _may_be_rewritten(places: Places, face: int, lines: np.ndarray) -> np.ndarray:
    """Which lines hold only what the face draws or what is more than enough, and some of that; bool [lines]."""
    ids, lengths = places.plan["ids"][lines], places.plan["length"][lines]
    enough = places.surplus[ids] > 0
    there = is_place(lengths, ids.shape[1])
    drawn = enough | places.sets.coverage[face, ids] | ~there
    return drawn.all(axis=1) & (enough & there).any(axis=1)


def _rewrite_line(
    places: Places, face: int, line: int, needs: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Rewrites a line, if that can be, with different ones of the needs; returns which, bool [N]."""
    length, used = int(places.plan["length"][line]), np.zeros(len(needs), bool)
    old = places.plan["ids"][line, :length].astype(np.int64)
    first_of = dict(zip(*(values.tolist() for values in np.unique(needs, return_index=True)), strict=True))
    new, taken = _write(places, face, old, list(first_of), random)
    if places.sets.coverage[face, new].all() and places.fits(new[None], np.array([length])).all():
        places.rewrite(line, new, face)
        used[[first_of[character] for character in taken]] = True
    return used


def _write(
    places: Places, face: int, old: np.ndarray, waiting: list[int], random: np.random.Generator
) -> tuple[np.ndarray, list[int]]:
    """A text (int64 [length]) instead of an old one, and the characters that it takes of those that wait.

    What the face does not draw stays where it is rare: such a text is none.
    """
    drawn, surplus, new, taken = places.sets.coverage[face], places.surplus, old.copy(), []
    fillers = np.flatnonzero(drawn & ~places.is_space)
    fillers = fillers[draw_below(random, len(fillers), len(old))]
    for place in shuffle(random, len(old)).tolist():
        if surplus[old[place]] > 0:
            between = 0 < place < len(new) - 1 and not places.is_space[new[[place - 1, place + 1]]].any()
            found = next((k for k in waiting if between or not places.is_space[k]), None)
            if found is not None:
                waiting.remove(found)
                taken.append(found)
                new[place] = found
            elif not drawn[old[place]]:
                new[place] = fillers[place]
        surplus[old[place]] -= 1
        surplus[new[place]] += 1
    return new, taken
