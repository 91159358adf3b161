"""Configuration of the making of a language model; its fields are the flags of ocr-language-model."""

import dataclasses
import functools
import math
import re

from densenet_ocr.pipeline.charset import NO_FORM, NORMALIZATIONS
from densenet_ocr.pipeline.charsets.charset_file import BLANK_HELP, BLANK_ROWS, FIRST_ROW
from densenet_ocr.pipeline.errors import check_setting
from densenet_ocr.pipeline.line_list import ENCODING
from densenet_ocr.pipeline.lists.opening import AUTO, FORMATS
from densenet_ocr.pipeline.text.text_normalisation import WIDTHS
from densenet_ocr.pipeline.ui.flags import option, validate

MOST_TOKENS = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModelConfig:
    """Text that becomes a language model; validated on construction."""

    text: tuple[str, ...] = option(
        help="Text: FILES (a path or glob of plain text) or list:FILES; may be repeated. Each row is a text."
    )
    charset: str = option(help="Charset file.")
    charset_blank: str = option(FIRST_ROW, help=BLANK_HELP, choices=BLANK_ROWS)
    output: str = option(
        help="File of the model; one that ends with .arpa or .arpa.gz becomes an ARPA file, for other programs."
    )
    order: int = option(
        5, help="Order of the model: characters of the longest n-grams.", at_least=1, at_most=MOST_TOKENS
    )
    prune: str = option(
        "0",
        help="Prune n-grams with at most this count: a number for each order from 1, ascending, with commas; "
        "the last one counts for all further orders. 0,0,1 prunes n-grams that occur once, from order 3 on.",
    )
    max_megabytes: float = option(
        20.0,
        help="Maximum size of the file: raises the numbers of --prune, those of the longest n-grams first, "
        "until the file fits; 0 for no limit. Does not apply to ARPA files.",
        at_least=0,
    )
    quantize: bool = option(True, help="Store logarithms in 8 bits; else in 32.")
    marks: bool = option(
        True,
        help="Model where texts begin and end; --nomarks is for lines that are cut out of running text.",
    )
    held_out: float = option(
        0.01, help="Share of the texts held out to measure perplexity.", at_least=0, below=1
    )
    text_encoding: str = option(ENCODING, help="Encoding of the text files, such as gb18030.")
    list_format: str = option(AUTO, help="What the rows of list:FILES mean.", choices=FORMATS)
    normalize: str = option(
        NO_FORM, help="Normalise the text: see ocr-convert --normalize.", choices=NORMALIZATIONS
    )
    character_map: str = option(
        "", help="File of replacements of characters: FROM<TAB>TO per row; TO may be empty."
    )
    width_forms: str = option(
        WIDTHS[0], help="Convert characters that have a full and a half width to one of them.", choices=WIDTHS
    )

    def __post_init__(self) -> None:
        validate(self)
        check_setting("text", "", self.text, "a text file or more")
        check_setting("prune", self.prune, self._fits(), "ascending whole numbers, 0 first, such as 0,0,1")

    @property
    def is_arpa(self) -> bool:
        """Whether the output is an ARPA file."""
        return self.output.endswith((".arpa", ".arpa.gz"))

    @property
    def max_bytes(self) -> float:
        """The limit of --max_megabytes in bytes; infinity for none."""
        return self.max_megabytes * 1e6 if self.max_megabytes and not self.is_arpa else math.inf

    @functools.cached_property
    def thresholds(self) -> tuple[int, ...]:
        """The numbers of --prune, one for each order."""
        numbers = [int(number) for number in self.prune.split(",")]
        return tuple([*numbers, *numbers[-1:] * self.order][: self.order])

    def _fits(self) -> bool:
        if not re.fullmatch("[0-9]{1,9}(,[0-9]{1,9})*", self.prune):
            return False
        numbers = [int(number) for number in self.prune.split(",")]
        return numbers == sorted(numbers) and numbers[0] == 0 and len(numbers) <= self.order
