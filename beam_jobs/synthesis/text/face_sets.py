"""Sets of font faces as bits: finds the faces that have all characters of a text, samples one by weight."""

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.plan import is_place, to_integers

_WORD = 64
_CELLS = 1 << 22  # lines times faces per numpy operation, 32 MB


class FaceSets:
    """The faces that have each character.

    A set of faces is uint64 [words]; face f is bit f % 64 of word f // 64.

    Attributes:
      coverage: Which face has which character, bool [faces, characters]; all False for a face of weight 0.
      weights: Integer weights of the faces, int64 [faces].
    """

    def __init__(self, coverage: np.ndarray, weights: np.ndarray) -> None:
        """Takes which face has which character, bool [faces, characters], and weights, float [faces].

        Raises:
          ValueError: the numbers of faces differ.
        """
        if coverage.shape[0] != len(weights):
            raise ValueError(f"{coverage.shape[0]} faces have {len(weights)} weights")
        self.coverage = coverage & (np.asarray(weights) > 0)[:, None]
        self.faces, self.characters = coverage.shape
        self.weights = to_integers(weights)
        bits = np.zeros((self.characters + 2, -(-self.faces // _WORD) * _WORD), bool)
        bits[: self.characters, : self.faces] = self.coverage.T
        bits[self.characters, : self.faces] = True
        # uint64 [characters + 2, words]; the last two rows are all faces and none.
        self._of = np.packbits(bits, axis=1, bitorder="little").view("<u8")
        self._by_word = np.ascontiguousarray(self._of.T)

    @property
    def drawable(self) -> np.ndarray:
        """Which characters some face has, bool [characters]."""
        return self.coverage.any(axis=0)

    def of(self, ids: np.ndarray) -> np.ndarray:
        """Returns the faces of each character, uint64 [words, N], of class ids [N]; -1 has none."""
        return self._by_word[:, ids]

    def of_lines(self, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Returns the faces that have all characters of a line, uint64 [lines, words].

        Args:
          ids: Class ids, int [lines, longest].
          lengths: Characters per line, int [lines].
        """
        known = np.where(is_place(lengths, ids.shape[1]), ids, self.characters)
        found = self._of[known[:, 0]]
        for place in range(1, ids.shape[1]):
            found &= self._of[known[:, place]]
        return found

    def choose(self, sets: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Draws one face by weight from each set (uint64 [lines, words], none empty), uint16 [lines]."""
        chosen, rows = np.empty(len(sets), np.uint16), max(1, _CELLS // self.faces)
        draws = random.random(len(sets))
        for start in range(0, len(sets), rows):
            part = slice(start, start + rows)
            ends = np.cumsum(self.unpack(sets[part]) * self.weights, axis=1)
            drawn = np.minimum((draws[part] * ends[:, -1]).astype(np.int64), ends[:, -1] - 1)
            chosen[part] = (ends <= drawn[:, None]).sum(axis=1)
        return chosen

    def unpack(self, sets: np.ndarray) -> np.ndarray:
        """Returns sets (uint64 [lines, words]) as bool [lines, faces]."""
        return np.unpackbits(sets.view(np.uint8), axis=1, count=self.faces, bitorder="little").view(bool)

    def has(self, sets: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """Returns whether each set (uint64 [lines, words]) has a face (uint16 [lines]), bool [lines]."""
        return self.unpack(sets)[np.arange(len(sets)), faces]
