"""Lines are rewritten with characters of one face, for those that share a face with hardly any text."""

import numpy as np

from beam_jobs.made.chances import draw_below, shuffle
from beam_jobs.made.places import Places
from beam_jobs.made.plan import BLOCK, is_place


def rewrite(places: Places, needs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Puts characters (int64 [N]) into rewritten lines; returns those without a place."""
    spaces, needs = needs[places.is_space[needs]], needs[~places.is_space[needs]]
    left = [spaces]
    while len(needs):
        # The face that draws most of them.
        face = int(np.argmax(places.sets.coverage[:, needs].sum(axis=1)))
        its = places.sets.coverage[face, needs]
        left.append(_rewrite_for(places, face, needs[its], random))
        needs = needs[~its]
    return np.concatenate(left)


def _rewrite_for(places: Places, face: int, needs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Rewrites lines for one face until its characters have their places, or there are no more lines."""
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
    length, drawn, used = (
        int(places.plan["length"][line]),
        places.sets.coverage[face],
        np.zeros(len(needs), bool),
    )
    old = places.plan["ids"][line, :length].astype(np.int64)
    waiting, surplus, new = np.unique(needs, return_index=True)[1].tolist(), places.surplus, old.copy()
    fillers = np.flatnonzero(drawn & ~places.is_space)
    fillers = fillers[draw_below(random, len(fillers), length)]
    for place in shuffle(random, length).tolist():
        if waiting and surplus[old[place]] > 0:
            used[waiting[-1]], new[place] = True, needs[waiting.pop()]
        elif surplus[old[place]] > 0 and not drawn[old[place]]:
            new[place] = fillers[place]
        surplus[old[place]] -= 1
        surplus[new[place]] += 1
    if not drawn[new].all() or not places.fits(new[None], np.array([length])).all():
        return np.zeros(len(needs), bool)
    places.rewrite(line, new, face)
    return used
