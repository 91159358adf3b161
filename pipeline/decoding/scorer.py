"""The interface of a language model of characters, as a beam search takes it."""

from collections.abc import Hashable
from typing import Any, Protocol, TypeAlias

# What a model keeps of the characters before; equal states give equal scores.
State: TypeAlias = Hashable


class Scorer(Protocol):
    """Probabilities of the next character of a text, given those before it."""

    @property
    def start(self) -> State:
        """The state before the first character of a text."""

    def score(self, state: Any, k: int) -> tuple[float, State]:
        """Scores a character.

        Args:
          state: The state before it.
          k: Its class.

        Returns:
          ln P(character k | state), and the state behind it.
        """

    def finish(self, state: Any) -> float:
        """Returns ln P(end of the text | state)."""
