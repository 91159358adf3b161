"""Sets of faces as bits: which faces have all characters of a text, and one of them by weight."""

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.plan import is_place
from densenet_ocr.beam_jobs.synthesis.text.sampling import to_whole

_WORD = 64
_CELLS = 1 << 22  # lines times faces that are looked at together, 32 MB


class FaceSets:
    """The faces that draw each character.

    A set of faces is uint64 [words], face f being bit f % 64 of word f // 64.
    """

    def __init__(self, coverage: np.ndarray, weights: np.ndarray):
        """Takes which face draws what (bool [faces, characters]) and weights [faces]; 0 leaves a face out."""
        if coverage.shape[0] != len(weights):
            raise ValueError(f"{coverage.shape[0]} faces have {len(weights)} weights")
        self.coverage = coverage & (np.asarray(weights) > 0)[:, None]
        self.faces, self.characters = coverage.shape
        self.whole = to_whole(weights)
        self.words = max(1, -(-self.faces // _WORD))
        self._of = self._pack()  # uint64 [characters + 2, words]: behind the characters all faces, and none
        self._by_word = np.ascontiguousarray(self._of.T)

    @property
    def drawable(self) -> np.ndarray:
        """Which characters some face draws, bool [characters]."""
        return self.coverage.any(axis=0)

    def of(self, ids: np.ndarray) -> np.ndarray:
        """The faces of each character (ids [N]), uint64 [words, N]: words first, as numpy is fast with few."""
        return self._by_word[:, ids]

    def of_lines(self, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The faces that have all characters of a line, uint64 [lines, words]; ids [lines, longest]."""
        known = np.where(is_place(lengths, ids.shape[1]), ids, self.characters)
        found = self._of[known[:, 0]]
        for place in range(1, ids.shape[1]):
            found &= self._of[known[:, place]]
        return found

    def choose(self, sets: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """One face by weight out of each set that has one (uint64 [lines, words]), uint16 [lines]."""
        chosen, rows = np.empty(len(sets), np.uint16), max(1, _CELLS // self.faces)
        chances = random.random(len(sets))
        for start in range(0, len(sets), rows):
            part = slice(start, start + rows)
            ends = np.cumsum(self.unpack(sets[part]) * self.whole, axis=1)
            drawn = np.minimum((chances[part] * ends[:, -1]).astype(np.int64), ends[:, -1] - 1)
            chosen[part] = (ends <= drawn[:, None]).sum(axis=1)
        return chosen

    def unpack(self, sets: np.ndarray) -> np.ndarray:
        """Sets (uint64 [lines, words]) as bool [lines, faces]."""
        octets = np.ascontiguousarray(sets, "<u8").view(np.uint8)
        return np.unpackbits(octets, axis=1, count=self.faces, bitorder="little").view(bool)

    def has(self, sets: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """Whether each set (uint64 [lines, words]) holds a face (uint16 [lines]), bool [lines]."""
        words = sets[np.arange(len(sets)), faces // _WORD]
        return (words >> (faces % _WORD).astype(np.uint64) & np.uint64(1)).astype(bool)

    def _pack(self) -> np.ndarray:
        bits = np.zeros((self.characters + 2, self.words * _WORD), bool)
        bits[: self.characters, : self.faces] = self.coverage.T
        bits[self.characters, : self.faces] = True
        return np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64)
