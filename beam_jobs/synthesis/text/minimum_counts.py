"""A floor for rare characters: each stands in so many places of a plan at least."""

import math

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets
from densenet_ocr.beam_jobs.synthesis.text.places import Places
from densenet_ocr.beam_jobs.synthesis.text.plan import count_frames, count_places, split_blocks
from densenet_ocr.beam_jobs.synthesis.text.planting import plant
from densenet_ocr.beam_jobs.synthesis.text.rewriting import rewrite
from densenet_ocr.beam_jobs.synthesis.text.sampling import shuffle
from densenet_ocr.pipeline.charset import Charset, show_characters
from densenet_ocr.pipeline.errors import UserError

_MOST_SHOWN = 20


def raise_to_floor(
    plan: np.ndarray,
    coverage: np.ndarray,
    weights: np.ndarray,
    *,
    minimum: int,
    charset: Charset,
    random: np.random.Generator,
    max_frames: int | None = None,
) -> np.ndarray:
    """Changes a plan so that every character that some face draws stands in `minimum` places or more.

    `coverage` (bool [faces, characters]) and `weights` (float [faces]) are those of texts.draw_texts, a face of
    weight 0 counts as none. A rare character takes the place of one that has more than enough: one in a line
    while that suffices, in a random place of a line that some face draws with it. Where lines with such a face
    are hardly found, whole lines are rewritten with characters of one face. Lines keep their lengths, and their
    faces where these still draw them; none comes to need more than `max_frames` frames. A space is put between
    two other characters. Returns in how many places each character stands now, int64 [characters]. Raises
    UserError where the plan has too few lines.
    """
    sets = FaceSets(coverage, weights)
    places = Places(plan, sets, charset, minimum, max_frames)
    needs = places.find_needs()
    needs = needs[shuffle(random, len(needs))]
    _check_room(places)
    needs = rewrite(places, _plant_all(places, needs, random), random)
    needs = _plant_all(places, needs, random)
    if len(needs):
        raise _refuse(places, needs, 2 * len(plan))
    _check(plan, sets, places, max_frames)
    return places.counts


def _plant_all(places: Places, needs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Plants a character in each line, then one more as long as that finds places; returns those left."""
    for most in range(1, places.longest + 1):
        before, needs = len(needs), plant(places, needs, random, most=most)
        if len(needs) in (0, before):
            break
    return needs


def _check_room(places: Places) -> None:
    """Raises UserError where the floor asks for more places than the plan has."""
    asked, there = places.minimum * int(places.sets.drawable.sum()), int(places.counts.sum())
    if asked > there:
        mean = there / len(places.plan) if there else 1
        raise _refuse(places, places.find_needs(), math.ceil(1.5 * asked / mean))


def _refuse(places: Places, needs: np.ndarray, lines: int) -> UserError:
    names = [places.charset.characters[k] for k in np.unique(needs)]
    return UserError(
        "min_per_character",
        received=f"{places.minimum} with {len(places.plan)} lines, in which there is no room for "
        f"{len(needs)} more characters: {show_characters(names, _MOST_SHOWN)}",
        expected=f"about {lines} lines, for {int(places.sets.drawable.sum())} characters that faces draw",
        remedy="Set a larger --lines, a larger --length or a smaller --min_per_character.",
    )


def _check(plan: np.ndarray, sets: FaceSets, places: Places, max_frames: int | None) -> None:
    """Raises ValueError unless all of it holds."""
    counts = count_places(plan, sets.characters)
    if (counts != places.counts).any() or (counts[sets.drawable] < places.minimum).any():
        raise ValueError("characters were counted wrong")
    for block in split_blocks(len(plan)):
        ids, lengths = plan["ids"][block], plan["length"][block]
        if not sets.has(sets.of_lines(ids, lengths), plan["face"][block]).all():
            raise ValueError("a line has a face that does not draw it")
        if max_frames is not None and (count_frames(ids, lengths) > max_frames).any():
            raise ValueError("a line needs more frames than it has")
