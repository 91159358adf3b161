"""What a synthesis is told, checked where it is made."""

import dataclasses
import functools

from densenet_ocr.beam_jobs.conversion.config import check_split
from densenet_ocr.beam_jobs.synthesis.rendering.style import Looks, choose_looks
from densenet_ocr.beam_jobs.synthesis.text.lengths import Lengths, parse_lengths
from densenet_ocr.beam_jobs.synthesis.text.spelling import WIDTHS
from densenet_ocr.pipeline.errors import check_setting
from densenet_ocr.pipeline.frames import count_frames
from densenet_ocr.pipeline.images import Geometry
from densenet_ocr.pipeline.line_list import ENCODING
from densenet_ocr.pipeline.schema import check_encoding

# Lines have numbers below this, which draws the looks of none, but the plan.
MOST_LINES = 2**32 - 1

# Lines on a preview's sheet.
PREVIEW_LINES = 48

# How lines are written: as records of a data set, or as JPEG files and a list of them.
WRITES = ("records", "images")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Synthesis:
    """Text and fonts that become a split of lines; fields are the flags of beam_jobs.synthesize."""

    charset_path: str
    output: str
    text: tuple[str, ...]
    lines: int
    fonts: tuple[str, ...] = ()
    split: str = "train"
    length: str = "10"
    text_encoding: str = ENCODING
    character_map: str = ""
    width_forms: str = WIDTHS[0]
    min_per_character: int = 0
    looks: str = "caffe_ocr"
    image_height: int = Geometry.height
    image_width: int = Geometry.width
    image_encoding: str = "float32"
    write: str = WRITES[0]
    lines_per_shard: int = 4096
    seed: int = 0
    max_reject_fraction: float = 0.01
    overwrite: bool = False

    def __post_init__(self):
        check_split(self)
        check_setting("text", ", ".join(self.text), self.text, "a text file or more, or charset")
        check_setting("lines", self.lines, 1 <= self.lines <= MOST_LINES, f"1 to {MOST_LINES}")
        fits = 0 <= self.min_per_character <= MOST_LINES
        check_setting("min_per_character", self.min_per_character, fits, f"0 to {MOST_LINES}")
        check_setting("width_forms", self.width_forms, self.width_forms in WIDTHS, ", ".join(WIDTHS))
        check_setting("write", self.write, self.write in WRITES, ", ".join(WRITES))
        check_encoding(self.image_encoding)
        fraction = self.max_reject_fraction
        check_setting("max_reject_fraction", fraction, 0 <= fraction <= 1, "0 to 1")
        self.chosen_looks  # noqa: B018 - refused here, not after the text was read
        self._check_length()

    def _check_length(self) -> None:
        """A line has to be wide enough for its text before anything is drawn."""
        width, longest = self.geometry.width, self.lengths.longest
        expected = f"at most {count_frames(width)} characters, for {width} pixels give so many frames"
        check_setting("length", self.length, not width or longest <= count_frames(width), expected)

    @property
    def geometry(self) -> Geometry:
        """Size of the images."""
        return Geometry(self.image_height, self.image_width)

    @functools.cached_property
    def chosen_looks(self) -> Looks:
        """How lines look."""
        return choose_looks(self.looks)

    @property
    def lengths(self) -> Lengths:
        """Characters of a line."""
        return parse_lengths(self.length)
