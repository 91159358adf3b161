"""Configuration of what reads lines; its fields are flags. Loads no TensorFlow: --help is quick."""

import dataclasses

from densenet_ocr.pipeline.charsets.charset_file import BLANK_HELP, BLANK_ROWS, FIRST_ROW
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.shipped import DEFAULT
from densenet_ocr.pipeline.imaging.contrast import INVERT, INVERT_AT_READING_HELP
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.ui.flags import Validated, option, validate


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightsConfig:
    """A model: a run, an export, a model of this package (the default), or the notebook's weights."""

    model: str | None = option(
        None,
        help="Folder of a run or of an export, also s3://... and so on, or a model of this package by name; "
        f"by default {DEFAULT}.",
    )
    checkpoint: str | None = option(None, help="Weights file of the run; by default the best epoch's.")
    weights: str | None = option(None, help="Weights file of the original notebook, in place of --model.")

    def __post_init__(self) -> None:
        validate(self)
        given = [f"--{name}" for name in ("model", "weights", "checkpoint") if getattr(self, name)]
        if not given:
            object.__setattr__(self, "model", DEFAULT)
        elif given not in (["--model"], ["--model", "--checkpoint"], ["--weights"]):
            raise UserError(
                "model",
                received=" and ".join(given),
                expected="--model, a run (with --checkpoint, certain weights of it) or an export; or --weights",
                remedy="Give --model=RUN_OR_EXPORT, or --weights=FILE.h5 for weights of the original notebook.",
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(WeightsConfig):
    """A model, with what weights of the original notebook do not contain: charset and image height."""

    charset: str | None = option(None, help="With --weights: their charset file.")
    charset_blank: str = option(FIRST_ROW, help=BLANK_HELP, choices=BLANK_ROWS)
    image_height: int | None = option(
        None, help="With --weights: height of their lines in pixels; by default 32.", at_least=7
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, unset in (("charset", None), ("image_height", None), ("charset_blank", FIRST_ROW)):
            if self.model and getattr(self, name) not in (unset, ""):
                raise UserError(
                    name,
                    received=getattr(self, name),
                    expected="none beside --model, which has its own",
                    remedy="Leave it out, or give --weights=FILE.h5 in place of --model.",
                )
        if self.weights and not self.charset:
            raise UserError(
                "charset",
                received="none beside --weights",
                expected="the charset file that the weights were trained with, which they do not contain",
                remedy="Set --charset, and --image_height if it is not 32.",
            )


_FONT = "Font file for the picture; by default one of this machine that has the characters."


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictConfig(ListConfig, Validated):
    """What to read besides the images on the command line, and how to print it."""

    list_path: str | None = option(
        None, help="List file as ocr-convert reads it; labels are ignored.", flag="list"
    )
    format: str = option(
        "tsv",
        help="Rows of path, text and confidence (tsv); JSON objects; or bare texts.",
        choices=("tsv", "json", "text"),
    )
    invert: str | None = option(None, help=INVERT_AT_READING_HELP, choices=INVERT)
    show: str | None = option(None, help="PNG file for a picture of lines with their readings.")
    show_lines: int = option(16, help="Number of lines in that picture, the first ones.", at_least=1)
    font: str | None = option(None, help=_FONT)
    batch_size: int = option(64, help="Batch size.", at_least=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateConfig(Validated):
    """What to score, and what to draw of it."""

    data: str = option(help="Folder of the data set.")
    split: str = option(help="Split to score.")
    batch_size: int = option(64, help="Batch size.", at_least=1)
    report: str | None = option(None, help="Folder for a page with figures (index.html, report.json).")
    report_lines: int = option(200, help="Number of worst lines on that page.", at_least=0)
    picture: str | None = option(None, help="PNG file for a picture of lines with truth and reading.")
    picture_lines: int = option(16, help="Number of lines in that picture, the first ones.", at_least=1)
    font: str | None = option(None, help=_FONT)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TuneConfig(Validated):
    """Whether to fit settings of the beam search in place of an evaluation."""

    tune: bool = option(
        False,
        help="Instead of scoring, fit --lm_weight, --length_bonus and the temperature of confidences on the "
        "split, and write them to decoding.json in --model, where all commands find them.",
    )
    tune_lines: int = option(1000, help="With --tune: number of lines, the first ones.", at_least=1)
