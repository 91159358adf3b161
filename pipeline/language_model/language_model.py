"""Language models: their files, and the scores of characters for the search of a decoder."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.language_model import trie
from densenet_ocr.pipeline.language_model.arpa import is_arpa, read_arpa
from densenet_ocr.pipeline.language_model.model_file import read_model
from densenet_ocr.pipeline.language_model.ngrams import END, START, UNKNOWN, Vocabulary

# States that are kept for later lines; one with its scores takes about a kilobyte, and the garbage
# collector visits it.
_MOST_STATES = 20_000

# So many bytes show whether a file is an ARPA file.
_HEAD_BYTES = 1 << 16

# A context: the order below it, where its children start and end in it, and its backoff weight.
_Context = tuple["_Order", int, int, float]


class LanguageModel:
    """An n-gram model of characters, for the classes of a charset; see decoding.beam_search.Scorer.

    A class whose character the model lacks has the probability of an unknown character, and ends the context.

    Args:
      vocabulary: The tokens of the model.
      arrays: Its arrays as trie.pack names them; memoryviews of them do too.
      charset: The charset of the classes.
      marks: Whether where a text begins and ends is scored; else it may be a part of any text.

    Attributes:
      start: The state before the first character.
      order: Characters of the longest n-grams.
      ngrams: Number of n-grams of each order.
      lacks: The characters of the charset that the model lacks.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        arrays: Mapping[str, Any],
        charset: Charset,
        *,
        marks: bool = True,
    ) -> None:
        self.ngrams = trie.count_ngrams(arrays)
        self.order = len(self.ngrams)
        self.lacks = "".join(c for c in charset.characters if c not in vocabulary.token_of)
        self._tokens = vocabulary.encode(charset.characters)
        self._class_of = charset.class_of
        first: _Order | None = None
        for number in range(self.order, 0, -1):
            first = _Order(arrays, number, first)
        self._first = first
        self._unigrams = memoryview(arrays["1.probabilities"])
        self._states: dict[tuple[int, ...], _State] = {}
        self._has_marks = marks
        self.start = self._make_state(START, [], []) if marks else _State(())

    def score(self, state: Any, k: int) -> tuple[float, Any]:
        """Returns the natural logarithm of P(class k | state), and the state behind class k."""
        token = self._tokens[k]
        return state.scores.get(token) or self._extend(state, token)

    def finish(self, state: Any) -> float:
        """Returns the natural logarithm of P(end of text | state); 0 for a model without marks."""
        if not self._has_marks:
            return 0.0
        return (state.scores.get(END) or self._extend(state, END))[0]

    def score_classes(self, ids: Iterable[int]) -> list[float]:
        """Scores a whole text.

        Args:
          ids: Its class ids; a negative one is a character that the charset lacks.

        Returns:
          The natural logarithm of the probability of each character after those before it, and of the end,
          which a model without marks does not score.
        """
        state, found = self.start, []
        for k in ids:
            token = self._tokens[k] if k >= 0 else UNKNOWN
            log_probability, state = state.scores.get(token) or self._extend(state, token)
            found.append(log_probability)
        return [*found, self.finish(state)] if self._has_marks else found

    def score_text(self, text: str) -> float:
        """Returns the natural logarithm of the probability of a text, with its end if the model has marks."""
        return sum(self.score_classes(self._class_of.get(character, -1) for character in text))

    def forget(self) -> None:
        """Drops the scores that are kept for later texts."""
        self._states.clear()
        self.start.scores.clear()

    def _extend(self, state: "_State", token: int) -> "tuple[float, _State]":
        """Finds a token's score in a state, and the state behind it, and keeps both."""
        found: float | None = None
        backoff, contexts, key = 0.0, [], []
        for order, first, last, weight in state.contexts:  # the longest one first
            node = bisect_left(order.tokens, token, first, last)
            if node < last and order.tokens[node] == token:
                if found is None:
                    found = backoff + order.probability(node)
                if order.next and (context := order.find_context(node)):
                    contexts.append(context)
                    key.append(node * self.order + order.number)
            elif found is None:
                backoff += weight
        if found is None:
            found = backoff + self._unigrams[token]
        result = state.scores[token] = (found, self._make_state(token, contexts, key))
        return result

    def _make_state(self, token: int, contexts: list[_Context], key: list[int]) -> "_State":
        """Returns the state behind a token: its contexts of two tokens and more, and their key, are known."""
        if self._first and self._first.next and (context := self._first.find_context(token)):
            contexts.append(context)
            key.append(token * self.order + 1)
        state = self._states.get(tuple(key))
        if state is None:
            if len(self._states) >= _MOST_STATES:
                self.forget()
            state = self._states[tuple(key)] = _State(tuple(contexts))
        return state


class _State:
    """Contexts of the next character, and the scores that were found in them, by token."""

    __slots__ = ("contexts", "scores")

    def __init__(self, contexts: tuple[_Context, ...]) -> None:
        self.contexts = contexts
        self.scores: dict[int, tuple[float, _State]] = {}


class _Order:
    """The n-grams of one order, with access that costs plain Python little.

    Attributes:
      number: The order, from 1.
      tokens: The last token of each n-gram; of order 1 None.
      next: The order of the children; None for the last order.
    """

    def __init__(self, arrays: Mapping[str, Any], number: int, following: "_Order | None") -> None:
        def view(name: str) -> Any:
            return memoryview(arrays[f"{number}.{name}"]) if f"{number}.{name}" in arrays else None

        self.number, self.next, self.tokens = number, following, view("tokens")
        self._probabilities, self._backoffs, self._starts = map(view, ("probabilities", "backoffs", "starts"))
        self._wraps = view("wraps").tolist() if following else []
        self._values, self._backoff_values = (
            values.tolist() if (values := view(name)) is not None else None
            for name in ("probabilities_values", "backoffs_values")
        )

    def probability(self, node: int) -> float:
        """Natural logarithm of the probability of an n-gram."""
        value = self._probabilities[node]
        return self._values[value] if self._values else value

    def find_context(self, node: int) -> _Context | None:
        """The context that an n-gram is; None if it changes no score."""
        first = trie.find_start(self._starts, self._wraps, node)
        last = trie.find_start(self._starts, self._wraps, node + 1)
        backoff = self._backoffs[node]
        if self._backoff_values:
            backoff = self._backoff_values[backoff]
        if first == last and not backoff:
            return None
        return self.next, first, last, backoff  # type: ignore[return-value]


def load_language_model(path: str, charset: Charset) -> LanguageModel:
    """Loads a language model for the classes of a charset.

    Args:
      path: A file of ocr-language-model, which is mapped into memory, or an ARPA file of characters, plain or
        compressed with gzip, which is parsed: that takes about three seconds for a million n-grams.
      charset: The charset of the classes to score; it may differ from the charset of the model.

    Returns:
      The model. Its `lacks` has the characters that it does not know.

    Raises:
      UserError: the file cannot be read, is none of these, or is damaged.
    """
    if is_arpa(storage.read_range(path, 0, _HEAD_BYTES)):
        model = read_arpa(path)
        return LanguageModel(model.vocabulary, trie.pack(model, quantize=False), charset)
    file = read_model(path)
    return LanguageModel(file.vocabulary, file.arrays, charset, marks=file.marks)


def find_perplexity(model: LanguageModel, rows: Iterable[np.ndarray]) -> tuple[float, int]:
    """Measures a model on texts.

    A character that the charset lacks ends a context and is not scored, as in the counts of a training text.

    Args:
      model: The model.
      rows: Class ids of each text, int [L]; -1 for characters that the charset lacks.

    Returns:
      exp(-mean natural logarithm of P), over all characters, and ends of texts if the model has marks; and
      their number. NaN and 0 without texts.
    """
    total, count = 0.0, 0
    for row in rows:
        scores = np.array(model.score_classes(row.tolist()))
        known = np.append(row >= 0, True)[: len(scores)]
        total += scores[known].sum()
        count += int(known.sum())
    return (math.exp(-total / count) if count else math.nan), count
