"""Logits of lines -> texts, as a configuration says."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.decoding.alignment import Placed, place_best_path, place_characters
from densenet_ocr.pipeline.decoding.beam_search import LEAST_SHARE, BeamSearch, Hypothesis, Scorer
from densenet_ocr.pipeline.decoding.best_path import find_best_path, geometric_mean
from densenet_ocr.pipeline.decoding.candidates import Candidates, find_log_mass
from densenet_ocr.pipeline.decoding.characters import find_allowed
from densenet_ocr.pipeline.decoding.config import LENGTH_BONUS, LM_WEIGHT, DecodingConfig
from densenet_ocr.pipeline.decoding.entry_search import open_entry_search
from densenet_ocr.pipeline.decoding.lexicon import Lexicon, read_lexicon
from densenet_ocr.pipeline.decoding.tuned_settings import (
    BEAM,
    LEXICON,
    LM,
    TunedSettings,
    find_posteriors,
    load_tuned_settings,
)

# Why a reading is empty: no entry of the lexicon fits.
NO_ENTRY = "no_entry"

# Least mass of the texts that are not in a lexicon: less is lost to rounding.
_LEAST_OUTSIDE = 1e-9


class Pruning(NamedTuple):
    """How much a search leaves out.

    Attributes:
      ratio: Classes of a frame below this share of its likeliest class's probability.
      most: All but so many classes of a frame.
      least_share: Extensions below this share of the likeliest prefix's probability.
    """

    ratio: float
    most: int
    least_share: float


# A frame has 2 likely classes on average here. An entry of a lexicon may need very unlikely ones.
PRUNING = Pruning(1e-3, 20, LEAST_SHARE)
LEXICON_PRUNING = Pruning(1e-6, 50, 1e-12)


class Alternative(NamedTuple):
    """A text that a line may have.

    Attributes:
      ids: Its class ids.
      confidence: Its share of the mass of all texts in the beam, from 0 to 1.
    """

    ids: list[int]
    confidence: float


class Search(NamedTuple):
    """What a search finds in a line.

    Attributes:
      candidates: The likely classes of its frames.
      hypotheses: The hypotheses, the best one first.
      scores: Their scores, and with a lexicon that of all texts that are not in it.
    """

    candidates: Candidates
    hypotheses: list[Hypothesis]
    scores: list[float]


class DecodedLine(NamedTuple):
    """A decoded line.

    Attributes:
      ids: Class ids of its text.
      characters: Confidence and frames of each of its characters.
      confidence: Confidence of the text, from 0 to 1: its share of the mass of all texts in the beam, and with
        a lexicon of those that are not in it; where decoding is greedy, the geometric mean of the characters'
        confidences.
      alternatives: The likeliest texts, the first one too; empty unless they were asked for.
      reason: NO_ENTRY if no entry of the lexicon fits; the text is empty then. Else empty.
      greedy_ids: Class ids of the text that plain greedy decoding gives, if that was asked for.
    """

    ids: list[int]
    characters: list[Placed]
    confidence: float
    alternatives: list[Alternative]
    reason: str = ""
    greedy_ids: list[int] | None = None


class Decoder:
    """Decodes the logits of a model.

    Attributes:
      config: How it decodes.
      task: What confidences are of, one of tuned_settings.TASKS.
      search: The beam search; all entries of a small lexicon are scored without it.
    """

    def __init__(
        self,
        config: DecodingConfig,
        charset: Charset,
        *,
        settings: TunedSettings = TunedSettings(),  # noqa: B008 - frozen
        scorer: Scorer | None = None,
        compares: bool = False,
    ):
        """Reads the lexicon and the language model.

        Args:
          config: How to decode.
          charset: The model's characters.
          settings: Fitted settings of the model; those of `config` count first.
          scorer: A language model in place of the file that `config` names.
          compares: Whether decoded lines have the greedy text, too.

        Raises:
          UserError: a file cannot be used, or the charset lacks a character.
        """
        self.config, self._blank, self._compares = config, charset.blank, compares
        allowed = find_allowed(charset, config)
        lexicon = read_lexicon(config.lexicon, charset, allowed=allowed) if config.lexicon else None
        if scorer is None and config.lm is not None:
            from densenet_ocr.pipeline.language_model.language_model import load_language_model

            scorer = load_language_model(config.lm, charset)
        self.task = LEXICON if lexicon else LM if scorer is not None else BEAM
        self._temperature = settings.temperature(self.task)
        self._penalty = _make_penalty(allowed)
        self._lexicon_penalty = _make_penalty(lexicon.find_classes() if lexicon else None)
        self._pruning = LEXICON_PRUNING if lexicon else PRUNING
        bonuses = [settings.length_bonus, LENGTH_BONUS] if scorer is not None else [0.0]
        self.search = BeamSearch(
            width=config.width,
            scorer=scorer,
            lm_weight=_choose(config.lm_weight, settings.lm_weight, LM_WEIGHT),
            length_bonus=_choose(config.length_bonus, *bonuses),
            lexicon=lexicon,
            least_share=self._pruning.least_share,
        )
        self._entry_search = open_entry_search(self.search, charset.blank)

    def decode(self, logits: np.ndarray, frames: Sequence[int] | np.ndarray) -> list[DecodedLine]:
        """Decodes lines.

        Args:
          logits: float32 [B, T, classes], the blank last.
          frames: int32 [B], number of frames of each line; what follows them is ignored.

        Returns:
          The B decoded lines.
        """
        return [self._decode_line(line[:count]) for line, count in zip(logits, frames, strict=True)]

    def search_line(self, line: np.ndarray) -> Search:
        """Searches a line's logits, float32 [T, classes]."""
        allowed = _add(line, self._penalty)
        own = _add(allowed, self._lexicon_penalty)
        candidates = Candidates(own, ratio=self._pruning.ratio, most=self._pruning.most)
        found = (self._entry_search or self.search).search(candidates)
        scores = [hypothesis.score for hypothesis in found]
        if self.search.lexicon and found:
            log_share = candidates.log_mass - find_log_mass(allowed)
            scores.append(_score_others(self.search.lexicon, found, log_share))
        return Search(candidates, found, scores)

    def _decode_line(self, line: np.ndarray) -> DecodedLine:
        if self.config.is_greedy:
            decoded = _decode_greedily(_add(line, self._penalty))
        else:
            decoded = self._decode_found(self.search_line(line))
        return decoded._replace(greedy_ids=_decode_greedily(line).ids) if self._compares else decoded

    def _decode_found(self, result: Search) -> DecodedLine:
        candidates, found, scores = result
        if not found:
            return DecodedLine([], [], 0.0, [], NO_ENTRY)
        confidences = find_posteriors(scores, self._temperature)
        alternatives = [
            Alternative(hypothesis.ids, confidence)
            for hypothesis, confidence in zip(found[: self.config.nbest], confidences, strict=False)
        ]
        if self.config.nbest == 1:
            alternatives = []
        if confidences[0] < self.config.min_confidence:
            return DecodedLine([], [], confidences[0], alternatives, NO_ENTRY)
        ids = found[0].ids
        return DecodedLine(ids, self._place(ids, candidates), confidences[0], alternatives)

    def _place(self, ids: list[int], candidates: Candidates) -> list[Placed]:
        best, placed = place_best_path(candidates.frames)
        if best == ids:
            return placed
        probabilities = candidates.probabilities_of([*ids, self._blank])
        return place_characters(ids, probabilities[:, :-1], probabilities[:, -1])


def open_decoder(
    config: DecodingConfig, charset: Charset, folder: str | None, *, compares: bool = False
) -> Decoder | None:
    """Makes the decoder of a model.

    Args:
      config: How to decode.
      charset: The model's characters.
      folder: Folder of the model, in which decoding.json may be; None for a model without one.
      compares: Whether decoded lines have the greedy text, too.

    Returns:
      The decoder; None for plain greedy decoding, which models do by themselves.

    Raises:
      UserError: a file cannot be used, or the charset lacks a character.
    """
    if config.is_plain:
        return None
    settings = load_tuned_settings(folder) if folder and not config.is_greedy else TunedSettings()
    return Decoder(config, charset, settings=settings, compares=compares)


def _decode_greedily(line: np.ndarray) -> DecodedLine:
    path = find_best_path(line[None], [len(line)])
    ids, confidences, first, last = (part.to_list()[0] for part in path)
    characters = list(map(Placed, confidences, first, last))
    return DecodedLine(ids, characters, geometric_mean(confidences), [])


def _choose(*values: float | None) -> float:
    """The first value that is given."""
    return next(value for value in values if value is not None)


def _score_others(lexicon: Lexicon, found: list[Hypothesis], log_share: float) -> float:
    """Scores all texts that are not in the lexicon, on the scale of the best entry's score.

    A line is one of two kinds, equally often: an entry, each of which is equally likely, or a text of any kind,
    in which each character is one of so many choices. Bayes' rule weights CTC's probabilities by this prior.

    Args:
      lexicon: The lexicon.
      found: The entries that were found.
      log_share: Natural logarithm of the mass of the lexicon's characters among that of all allowed ones.
    """
    best = found[0]
    inside = sum(math.exp(min(0.0, hypothesis.log_probability + log_share)) for hypothesis in found)
    outside = math.log(max(1 - inside, _LEAST_OUTSIDE))
    advantage = max(0.0, len(best.ids) * lexicon.log_choices - lexicon.log_texts)
    return best.score + outside - advantage - (best.log_probability + log_share)


def _add(line: np.ndarray, penalty: np.ndarray | None) -> np.ndarray:
    return line if penalty is None else line + penalty


def _make_penalty(allowed: np.ndarray | None) -> np.ndarray | None:
    """What is added to logits so that forbidden classes are impossible, float32 [classes]; None for nothing."""
    return None if allowed is None else np.where(allowed, 0, -np.inf).astype(np.float32)
