"""Configuration of decoding; its fields are flags of ocr-predict, ocr-evaluate and ocr-transcribe.

Loads no TensorFlow: --help is quick.
"""

import dataclasses

from densenet_ocr.pipeline.decoding.characters import KINDS
from densenet_ocr.pipeline.errors import check_left_out, check_setting
from densenet_ocr.pipeline.ui.flags import option, validate

# Prefixes that a beam search keeps by default; with a lexicon more, since most of them are no entries.
BEAM_WIDTH, LEXICON_BEAM_WIDTH = 10, 100

# Defaults of --lm_weight and, with a language model, --length_bonus: the weights of a grid that read news,
# reviews, manuals and real lines well, and words in a random order no worse than greedy decoding.
LM_WEIGHT, LENGTH_BONUS = 0.4, 2.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecodingConfig:
    """How logits become texts: greedily, unless a field asks for a beam search.

    Attributes:
      is_greedy: Whether decoding is greedy.
      is_plain: Whether it is greedy and all characters are allowed: what a model decodes by itself.
    """

    lm: str | None = option(
        None,
        help="Language model of characters: a file of ocr-language-model, or an ARPA file (.arpa, .arpa.gz).",
    )
    lm_weight: float | None = option(
        None,
        help=f"Weight of the language model; by default what ocr-evaluate --tune found, else {LM_WEIGHT}.",
        at_least=0,
    )
    length_bonus: float | None = option(
        None,
        help="Bonus per character in the score of a text; by default what --tune found, else "
        f"{LENGTH_BONUS:g} with --lm and 0 without.",
    )
    lexicon: str | None = option(
        None, help=r"Text file of the allowed texts, one per row; \d in it is any digit, \c any character."
    )
    nbest: int = option(1, help="Number of alternative texts of each line.", at_least=1)
    min_confidence: float = option(
        0.0,
        help="With --lexicon: below this confidence no entry fits, and the text is empty.",
        at_least=0,
        at_most=1,
    )
    characters: str | None = option(None, help="The only characters that texts may have, such as 0123456789.,-")
    character_kinds: tuple[str, ...] = option(
        (),
        help=f"Allowed kinds of characters, besides --characters: {', '.join(KINDS)}.",
        choices=tuple(KINDS),
        comma=True,
    )
    forbidden_characters: str | None = option(None, help="Characters that no text has.")
    forbidden_kinds: tuple[str, ...] = option(
        (),
        help="Kinds of characters that no text has, as in --character_kinds.",
        choices=tuple(KINDS),
        comma=True,
    )
    beam_width: int | None = option(
        None,
        help="Prefixes that a beam search keeps; decoding is greedy without this flag, --lm, --lexicon, "
        f"--nbest and --length_bonus. By default {BEAM_WIDTH}, or {LEXICON_BEAM_WIDTH} with a lexicon.",
        at_least=1,
    )

    def __post_init__(self) -> None:
        validate(self)
        for name in ("lm", "lexicon", "characters", "forbidden_characters"):
            check_setting(
                name, getattr(self, name), getattr(self, name) != "", "none, or something that is not empty"
            )
        check_left_out("lm_weight", self.lm_weight, self.lm or self.lm_weight is None, "none without --lm")
        given = self.min_confidence
        check_left_out("min_confidence", given, self.lexicon or not given, "none without --lexicon")
        if self.beam_width is not None:
            check_setting(
                "beam_width", self.beam_width, self.beam_width >= self.nbest, f"at least --nbest, {self.nbest}"
            )

    @property
    def is_greedy(self) -> bool:
        """See the class."""
        asked = (self.lm, self.lexicon, self.beam_width, self.length_bonus)
        return self.nbest == 1 and all(value is None for value in asked)

    @property
    def is_plain(self) -> bool:
        """See the class."""
        restrictions = (
            self.characters,
            self.character_kinds,
            self.forbidden_characters,
            self.forbidden_kinds,
        )
        return self.is_greedy and not any(restrictions)

    @property
    def width(self) -> int:
        """Prefixes that the beam search keeps."""
        default = LEXICON_BEAM_WIDTH if self.lexicon else BEAM_WIDTH
        return self.beam_width or max(default, self.nbest)
