"""CTC prefix beam search: the likeliest texts of a line, with a language model or without one.

Graves, "Supervised Sequence Labelling with Recurrent Neural Networks" (2012), section 7.5; with a language
model Hannun et al., "First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent
DNNs" (2014), algorithm 1. A prefix has two probabilities: that of its alignments that end with the blank, and
that of those that end with its last character. A character follows itself only behind a blank.

Probabilities are not logarithms but rescaled from time to time: sums of them are most of the work.
"""

import dataclasses
import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from densenet_ocr.pipeline.decoding.candidates import Candidates, Frame
from densenet_ocr.pipeline.decoding.lexicon import Lexicon

# A prefix is extended only by what has at least this share of the probability of the likeliest prefix.
LEAST_SHARE = 1e-7

_SMALL = 1e-100

# What a language model keeps of the characters before; equal states give equal scores.
State: TypeAlias = Hashable


class Scorer(Protocol):
    """A language model of characters: probabilities of the next one of a text, given those before it."""

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


class Hypothesis(NamedTuple):
    """A text of a line.

    Attributes:
      ids: Its class ids.
      log_probability: Natural logarithm of its CTC probability, the sum over the alignments that were kept.
      score: The same with language model and length bonus, by which hypotheses are ordered.
    """

    ids: list[int]
    log_probability: float
    score: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BeamSearch:
    """Finds the likeliest texts of lines.

    A text's score is ln P_ctc + lm_weight * ln P_lm + length_bonus * characters.

    Attributes:
      width: Prefixes that are kept after each frame; None for all.
      scorer: The language model, if any.
      lm_weight: Weight of its logarithm of the probability.
      length_bonus: What each character adds to the score.
      lexicon: What texts may be; by default any.
      least_share: A prefix is extended only by what has at least this share of the probability of the likeliest
        prefix; 0 for all.
    """

    width: int | None = 10
    scorer: Scorer | None = None
    lm_weight: float = 0.5
    length_bonus: float = 0.0
    lexicon: Lexicon | None = None
    least_share: float = LEAST_SHARE

    def search(self, candidates: Candidates) -> list[Hypothesis]:
        """Searches a line.

        Args:
          candidates: The likely classes of its frames.

        Returns:
          At most `width` hypotheses, the best one first; none if no text is possible.
        """
        return self.search_frames(candidates.frames, candidates.rows if self.lexicon is not None else None)

    def search_frames(
        self, frames: Sequence[Frame], all_rows: Sequence[memoryview] | None = None
    ) -> list[Hypothesis]:
        """Searches a line as `search` does.

        Args:
          frames: The likely classes of its frames.
          all_rows: The probabilities of all classes in each frame, which a lexicon needs.
        """
        beam, log_scale = [self._make_root()], 0.0
        rows: Sequence[memoryview | None] = all_rows or [None] * len(frames)
        for frame, row in zip(frames, rows, strict=True):
            if row is None and not frame.characters:
                _append_blank(beam, frame.blank)
            else:
                beam = self._prune(self._advance(beam, frame, row))
            log_scale += _rescale(beam)
        return self._finish(beam, log_scale)

    def _make_root(self) -> "_Prefix":
        root = _Prefix(None, -1)
        root.blank = 1.0
        if self.scorer is not None:
            root.lm_state = self.scorer.start
        if self.lexicon is not None:
            root.place = self.lexicon.start
        return root

    def _advance(self, beam: list["_Prefix"], frame: Frame, row: memoryview | None) -> list["_Prefix"]:
        """Appends a frame to the alignments of all prefixes; returns these and the new ones."""
        before = [(prefix, prefix.blank, prefix.character) for prefix in beam]
        least = self.least_share * max([blank + character for _, blank, character in before], default=0.0)
        for prefix in beam:
            prefix.blank = prefix.character = 0.0
        grown = list(beam)
        followers: Iterable[tuple[int, float]] = frame.characters
        for prefix, blank, character in before:
            prefix.blank = (blank + character) * frame.blank
            if row is not None and self.lexicon is not None:
                followers = self.lexicon.branches(prefix.place, frame, row)
                prefix.character += character * row[prefix.k] if prefix.parent else 0.0
            self._extend(prefix, blank, character, followers, least, grown)
        return grown

    def _extend(
        self,
        prefix: "_Prefix",
        blank: float,
        character: float,
        followers: Iterable[tuple[int, float]],
        least: float,
        grown: list["_Prefix"],
    ) -> None:
        """Adds a prefix's alignments to those of the prefixes with one more character, and these to `grown`."""
        total, last, children = blank + character, prefix.k, prefix.children
        has_lexicon = self.lexicon is not None
        for k, probability in followers:
            if k != last:
                gain = total * probability
            else:
                gain = blank * probability
                if not has_lexicon:
                    prefix.character += character * probability
            if gain <= least:
                continue
            child = children.get(k) or self._grow(prefix, k)
            if not child.alive:
                child.alive, child.blank, child.character = True, 0.0, 0.0
                grown.append(child)
            child.character += gain

    def _grow(self, prefix: "_Prefix", k: int) -> "_Prefix":
        """Makes the prefix that has one more character."""
        child = prefix.children[k] = _Prefix(prefix, k)
        child.bias = prefix.bias + self.length_bonus
        if self.scorer is not None:
            log_probability, child.lm_state = self.scorer.score(prefix.lm_state, k)
            child.bias += self.lm_weight * log_probability
        if self.lexicon is not None:
            child.place = self.lexicon.follow(prefix.place, k)
        return child

    def _prune(self, beam: list["_Prefix"]) -> list["_Prefix"]:
        """Returns the best prefixes of a beam, without those that are impossible."""
        kept = [prefix for prefix in beam if prefix.blank + prefix.character > 0]
        if self.width is not None and len(kept) > self.width:
            has_bias = self.scorer is not None or self.length_bonus != 0
            kept.sort(key=_find_score if has_bias else _find_probability, reverse=True)
            del kept[self.width :]
        if len(kept) < len(beam):
            for prefix in beam:
                prefix.alive = False
            for prefix in kept:
                prefix.alive = True
        return kept

    def _finish(self, beam: list["_Prefix"], log_scale: float) -> list[Hypothesis]:
        found = []
        for prefix in beam:
            is_text = self.lexicon is None or self.lexicon.accepts(prefix.place)
            if prefix.blank + prefix.character <= 0 or not is_text:
                continue
            log_probability = math.log(prefix.blank + prefix.character) + log_scale
            end = self.lm_weight * self.scorer.finish(prefix.lm_state) if self.scorer is not None else 0.0
            found.append(Hypothesis(prefix.list_ids(), log_probability, log_probability + prefix.bias + end))
        return sorted(found, key=lambda hypothesis: (-hypothesis.score, hypothesis.ids))


class _Prefix:
    """A prefix of texts, and its probabilities up to a frame, but for a common factor.

    Attributes:
      parent: The prefix without the last character; None for the empty one.
      k: Class of the last character; -1 for the empty prefix.
      children: The prefixes that have one more character, by its class, as far as they were made.
      blank: Probability of the alignments that end with the blank.
      character: Probability of the alignments that end with the last character.
      bias: What language model and length bonus add to the score.
      alive: Whether it is in the beam.
      lm_state: State of the language model.
      place: Place in the lexicon.
    """

    __slots__ = ("alive", "bias", "blank", "character", "children", "k", "lm_state", "parent", "place")

    def __init__(self, parent: "_Prefix | None", k: int):
        self.parent, self.k, self.alive = parent, k, parent is None
        self.blank = self.character = self.bias = 0.0
        self.children: dict[int, _Prefix] = {}
        self.lm_state: State = None
        self.place: Any = None

    def list_ids(self) -> list[int]:
        """Returns the classes of its characters."""
        ids, prefix = [], self
        while prefix.parent is not None:
            ids.append(prefix.k)
            prefix = prefix.parent
        return ids[::-1]


def _append_blank(beam: list[_Prefix], probability: float) -> None:
    for prefix in beam:
        prefix.blank = (prefix.blank + prefix.character) * probability
        prefix.character = 0.0


def _rescale(beam: list[_Prefix]) -> float:
    """Divides small probabilities by the greatest one; returns its logarithm, else 0."""
    if not beam or (greatest := max(map(_find_probability, beam))) > _SMALL:
        return 0.0
    for prefix in beam:
        prefix.blank /= greatest
        prefix.character /= greatest
    return math.log(greatest)


def _find_probability(prefix: _Prefix) -> float:
    return prefix.blank + prefix.character


def _find_score(prefix: _Prefix) -> float:
    return math.log(prefix.blank + prefix.character) + prefix.bias
