"""Configurations of a synthesis and of a style fit; their fields are the flags of the two commands."""

import dataclasses
import functools

from densenet_ocr.beam_jobs.engine.config import SplitConfig
from densenet_ocr.beam_jobs.synthesis.rendering.style import StyleDistribution, load_style
from densenet_ocr.beam_jobs.synthesis.text.lengths import Lengths, parse_lengths
from densenet_ocr.pipeline.charset import NO_FORM, NORMALIZATIONS
from densenet_ocr.pipeline.charsets.charset_file import BLANK_HELP, BLANK_ROWS, FIRST_ROW
from densenet_ocr.pipeline.errors import check_setting
from densenet_ocr.pipeline.line_list import ENCODING
from densenet_ocr.pipeline.lists.opening import AUTO, FORMATS
from densenet_ocr.pipeline.text.text_normalisation import WIDTHS
from densenet_ocr.pipeline.ui.flags import Validated, option

# Line numbers are smaller. The text plan takes its random numbers from this number and the next one.
MOST_LINES = 2**32 - 1

# Lines on a preview sheet.
PREVIEW_LINES = 48

# Fewer lines give no usable quartiles.
FEWEST_FITTED = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class SynthesisConfig(SplitConfig):
    """Text and fonts that become a split of synthetic lines; validated on construction."""

    charset_path: str = option(
        help="Charset file, one character per row; row 0 is the blank, unless --charset_blank says otherwise.",
        flag="charset",
    )
    charset_blank: str = option(FIRST_ROW, help=BLANK_HELP, choices=BLANK_ROWS)
    output: str = option("", help="Folder of the data set; required without --preview.")
    normalize: str = option(
        NO_FORM, help="Normalise the text: see ocr-convert --normalize.", choices=NORMALIZATIONS
    )
    text: tuple[str, ...] = option(
        (),
        help="Text source: FILES (a path or glob of plain text), list:FILES, or charset, each with an optional "
        "=WEIGHT; may be repeated.",
    )
    list_format: str = option(
        AUTO,
        help="What the rows of list:FILES mean; auto decides by all rows, as in ocr-convert.",
        choices=FORMATS,
    )
    text_encoding: str = option(ENCODING, help="Encoding of the text files, such as gb18030.")
    character_map: str = option(
        "", help="File of replacements of characters: FROM<TAB>TO per row; TO may be empty."
    )
    width_forms: str = option(
        WIDTHS[0], help="Convert characters that have a full and a half width to one of them.", choices=WIDTHS
    )
    length: str = option(
        "10", help="Characters per line: 10, or 4-20, or several of these with weights: 10=3,4-20=1."
    )
    lines: int = option(0, help="Number of lines; required without --preview.", at_least=0, at_most=MOST_LINES)
    min_per_character: int = option(
        0,
        help="Minimum number of occurrences of every character that some font has.",
        at_least=0,
        at_most=MOST_LINES,
    )
    fonts: tuple[str, ...] = option(
        (),
        help="Font files: a path or glob, or pillow, each with an optional #FACE and then =WEIGHT; may be "
        "repeated. Default: the system's Chinese fonts.",
    )
    style: str = option(
        "caffe_ocr",
        help="Render style: plain, caffe_ocr, or a JSON file (see docs/synthetic_data.md).",
        alias="looks",
    )
    write: str = option(
        "records",
        help="Output: records of a data set, or JPEG images and a list.",
        choices=("records", "images"),
    )
    preview: str = option("", help="PNG file of a sheet of sample lines; nothing else is written.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_setting("output", self.output, self.output or self.preview, "a folder, unless --preview is given")
        check_setting("lines", self.lines, self.lines or self.preview, "1 or more, unless --preview is given")
        check_setting("text", ", ".join(self.text), self.text, "a text file or more, or charset")
        self.style_distribution  # noqa: B018 - a wrong style is refused before any text is read
        width = self.geometry.width
        frames = self.geometry.count_frames(width)
        expected = f"at most {frames} characters, one per frame of {width} pixels"
        check_setting("length", self.length, not width or self.lengths.longest <= frames, expected)

    @functools.cached_property
    def style_distribution(self) -> StyleDistribution:
        """Distribution of the render style."""
        return load_style(self.style)

    @property
    def lengths(self) -> Lengths:
        """Distribution of the number of characters per line."""
        return parse_lengths(self.length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StyleFitConfig(Validated):
    """A data set of real lines and fonts that give a render style; validated on construction."""

    data: str = option(help="Data set of real lines.")
    split: str = option("test", help="Split of the data set.")
    fonts: tuple[str, ...] = option((), help="Fonts, as for ocr-synthesize; may be repeated.")
    style: str = option("caffe_ocr", help="Initial style, as for ocr-synthesize.", alias="looks")
    output: str = option(help="JSON file for the fitted style.")
    lines: int = option(
        400, help="Lines rendered per round; also the maximum of real lines read.", at_least=FEWEST_FITTED
    )
    rounds: int = option(12, help="Rounds of rendering, measuring and correcting.", at_least=1)
    seed: int = option(0, help="Seed of the rendered lines.", at_least=0)
