"""Encodes text as class ids, block by block, with arrays."""

import numpy as np

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.text.text_normalisation import TextNormaliser

_CODES = 0x110000  # all code points


class TextEncoder:
    """Normalises and encodes text.

    Attributes:
      space: Class id of the space; -1 without one. The ideographic space counts where there is no other.
    """

    def __init__(self, charset: Charset, normaliser: TextNormaliser) -> None:
        self._normaliser = normaliser
        spaces = " \u3000" if normaliser.width != "full" else "\u3000 "
        self.space = next((charset.encode(space)[0] for space in spaces if space in charset), -1)
        self._classes = np.full(_CODES, -1, np.int32)
        for character, k in charset.class_of.items():
            if len(character) == 1:  # a normal form may be longer
                self._classes[ord(character)] = k
        # A row's end has no class, and normalised text has no other blank than the space.
        self._classes[ord("\n")], self._classes[ord(" ")] = -1, self.space
        self._outside = np.zeros(_CODES, np.int64)

    def encode(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Encodes rows of text.

        Args:
          text: Whole rows, as files have them.

        Returns:
          The code points of the normalised text, uint32 [N], in which each row ends with a line feed; and their
          class ids, int32 [N], -1 for characters that the charset lacks and for row ends.
        """
        normalised = self._normaliser.apply(text + "\n")
        codes = np.frombuffer(normalised.encode("utf-32-le", "surrogatepass"), "<u4")
        ids = self._classes[codes]
        self._outside += np.bincount(codes[ids < 0], minlength=_CODES)
        self._outside[ord("\n")] = 0
        return codes, ids

    def take_outside(self) -> dict[str, int]:
        """Returns how often each character that the charset lacks occurred since the last call.

        The most frequent one comes first.
        """
        counts = {chr(k): int(self._outside[k]) for k in np.flatnonzero(self._outside)}
        self._outside[:] = 0
        return sort_counts(counts)


def sort_counts(counts: dict[str, int]) -> dict[str, int]:
    """Sorts characters by their occurrences, the most frequent first, then by code point."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
