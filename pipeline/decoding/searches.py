"""Chooses the search that a configuration asks for, and how much it leaves out."""

from typing import NamedTuple

from densenet_ocr.pipeline.decoding.beam_search import LEAST_SHARE, BeamSearch
from densenet_ocr.pipeline.decoding.config import LENGTH_BONUS, LM_WEIGHT, DecodingConfig
from densenet_ocr.pipeline.decoding.entry_search import MOST_NODES, EntrySearch, count_nodes
from densenet_ocr.pipeline.decoding.lexicon import Lexicon
from densenet_ocr.pipeline.decoding.scorer import Scorer
from densenet_ocr.pipeline.decoding.tuned_settings import TunedSettings


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


def make_beam_search(
    config: DecodingConfig, settings: TunedSettings, scorer: Scorer | None, lexicon: Lexicon | None
) -> BeamSearch:
    """Makes the beam search of a configuration; its own weights count before the fitted ones."""
    return BeamSearch(
        width=config.width,
        scorer=scorer,
        lm_weight=_choose(config.lm_weight, settings.lm_weight, LM_WEIGHT),
        length_bonus=_choose_bonus(config, settings, scorer),
        grammar=lexicon,
        least_share=(LEXICON_PRUNING if lexicon else PRUNING).least_share,
    )


def make_entry_search(
    config: DecodingConfig, settings: TunedSettings, scorer: Scorer | None, lexicon: Lexicon, blank: int
) -> EntrySearch | None:
    """Makes a search that scores all entries; None if they have wildcards or are too many for that."""
    entries = lexicon.list_plain_entries()
    if entries is None or count_nodes(entries, MOST_NODES) > MOST_NODES:
        return None
    return EntrySearch(
        entries,
        blank=blank,
        width=config.width,
        scorer=scorer,
        lm_weight=_choose(config.lm_weight, settings.lm_weight, LM_WEIGHT),
        length_bonus=_choose_bonus(config, settings, scorer),
    )


def _choose_bonus(config: DecodingConfig, settings: TunedSettings, scorer: Scorer | None) -> float:
    if scorer is None:
        return _choose(config.length_bonus, 0.0)
    return _choose(config.length_bonus, settings.length_bonus, LENGTH_BONUS)


def _choose(*values: float | None) -> float:
    """The first value that is given."""
    return next(value for value in values if value is not None)
