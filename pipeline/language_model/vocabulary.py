"""Tokens of a language model: three of its own, then the characters."""

import dataclasses
import functools

import numpy as np

# <unk>, <s> and </s> of ARPA files.
UNKNOWN, START, END = 0, 1, 2
FIRST_CHARACTER = 3


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens of a language model. Token k + 3 is the character k.

    Attributes:
      characters: The characters, each once.
    """

    characters: str

    @property
    def size(self) -> int:
        """Number of tokens, with <unk>, <s> and </s>."""
        return len(self.characters) + FIRST_CHARACTER

    @functools.cached_property
    def token_of(self) -> dict[str, int]:
        """Tokens by character."""
        return {character: k + FIRST_CHARACTER for k, character in enumerate(self.characters)}

    def encode(self, text: str) -> list[int]:
        """Returns the tokens of a text; characters that the model lacks are UNKNOWN."""
        return [self.token_of.get(character, UNKNOWN) for character in text]


def to_tokens(ids: np.ndarray) -> np.ndarray:
    """Returns the tokens of class ids, int64 [N]; a negative id, a character without a class, is UNKNOWN."""
    return np.where(ids < 0, UNKNOWN, ids.astype(np.int64) + FIRST_CHARACTER)
