"""The places of a plan, and which characters have more of them than the floor asks for."""

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets
from densenet_ocr.beam_jobs.synthesis.text.plan import count_frames, count_places
from densenet_ocr.pipeline.charset import Charset


class Places:
    """A plan that is being changed, with the number of places of each character."""

    def __init__(
        self, plan: np.ndarray, sets: FaceSets, charset: Charset, minimum: int, max_frames: int | None
    ):
        """Takes a plan, which is changed in place, and what raise_to_floor does."""
        self.plan, self.sets, self.charset = plan, sets, charset
        self.minimum, self.max_frames = minimum, max_frames
        self.longest = plan["ids"].shape[1]
        self.counts = count_places(plan, sets.characters)
        self.planted = np.zeros(len(plan), np.uint16)  # characters that were put into each line
        self.is_space = np.array([character.isspace() for character in charset.characters])

    @property
    def surplus(self) -> np.ndarray:
        """In how many places each character stands beyond the floor, int64 [characters]; below 0 it is rare."""
        return self.counts - self.minimum

    def find_needs(self) -> np.ndarray:
        """The classes of rare characters, each as often as it needs a place, int64 [N]."""
        missing = np.where(self.sets.drawable, np.maximum(-self.surplus, 0), 0)
        return np.repeat(np.arange(len(missing)), missing)

    def fits(self, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Which texts (ids [lines, longest]) have the frames that they need, bool [lines]."""
        if self.max_frames is None:
            return np.ones(len(ids), bool)
        return count_frames(ids, lengths) <= self.max_frames

    def replace(self, lines: np.ndarray, places: np.ndarray, ids: np.ndarray) -> None:
        """Puts characters (ids [N]) into one place each of N lines, whose faces are left to set_faces."""
        old = self.plan["ids"][lines, places]
        self.counts -= np.bincount(old, minlength=len(self.counts))
        self.counts += np.bincount(ids, minlength=len(self.counts))
        self.plan["ids"][lines, places] = ids
        self.planted[lines] += 1

    def rewrite(self, line: int, ids: np.ndarray, face: int) -> None:
        """Gives a line another text of its length (ids [length]), and a face that draws it."""
        changed = np.flatnonzero(self.plan["ids"][line, : len(ids)] != ids)
        self.replace(np.full(len(changed), line), changed, ids[changed])
        self.planted[line] = len(changed)
        self.plan["face"][line] = face

    def set_faces(self, lines: np.ndarray, random: np.random.Generator) -> None:
        """Gives lines whose face no longer draws them another one by weight."""
        sets = self.sets.of_lines(self.plan["ids"][lines], self.plan["length"][lines])
        lost = ~self.sets.has(sets, self.plan["face"][lines])
        self.plan["face"][lines[lost]] = self.sets.choose(sets[lost], random)
