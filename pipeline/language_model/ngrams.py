"""N-grams: their tokens, their sorted arrays, and a model: logarithms of probabilities and backoff weights."""

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


@dataclasses.dataclass(frozen=True)
class NGrams:
    """A trie of n-grams.

    The n-grams of one order are sorted by their tokens. Each is one integer, its key: the place of its first
    n - 1 tokens among the n-grams of order n - 1, times the size of the vocabulary, plus its last token. So
    n-grams of any order fit into 64 bits, and two tries are merged by merging sorted arrays.

    Attributes:
      vocabulary: The tokens.
      keys: For each order n, from 1, the keys of its n-grams, int64 [N_n], ascending. Order 1 has all tokens.
    """

    vocabulary: Vocabulary
    keys: tuple[np.ndarray, ...]

    @property
    def order(self) -> int:
        """Tokens of the longest n-grams."""
        return len(self.keys)

    def parents(self, order: int) -> np.ndarray:
        """Returns for each n-gram the place of its first n - 1 tokens in order n - 1, int64 [N_n]."""
        return self.keys[order - 1] // self.vocabulary.size

    def tokens(self, order: int) -> np.ndarray:
        """Returns the last token of each n-gram, int64 [N_n]."""
        return self.keys[order - 1] % self.vocabulary.size


@dataclasses.dataclass(frozen=True)
class NGramModel(NGrams):
    """A backoff model. All logarithms are natural.

    The probability of a token in a context is that of the longest n-gram that the model has of the end of the
    context and the token, times the backoff weights of the longer ends of the context.

    Attributes:
      log_probabilities: Of the last token of each n-gram after the others, float32 [N_n].
      log_backoffs: Of the backoff weight of each n-gram as a context, float32 [N_n]; none for the longest ones.
    """

    log_probabilities: tuple[np.ndarray, ...]
    log_backoffs: tuple[np.ndarray, ...]
