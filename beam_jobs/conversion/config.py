"""Configuration of a conversion; its fields are the flags of ocr-convert."""

import dataclasses
from collections.abc import Sequence

from densenet_ocr.beam_jobs.engine.config import SplitConfig
from densenet_ocr.pipeline.charset import NO_FORM, NORMALIZATIONS
from densenet_ocr.pipeline.charsets.charset_file import BLANK_HELP, BLANK_ROWS, FIRST_ROW
from densenet_ocr.pipeline.errors import UserError, check_left_out, check_setting
from densenet_ocr.pipeline.imaging.contrast import INVERT, INVERT_HELP, NEVER
from densenet_ocr.pipeline.imaging.fitting import FITS
from densenet_ocr.pipeline.line_list import check_list_encoding
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.ui.flags import option

# The split that receives --validation_fraction of the rows.
VALIDATION = "validation"

# In place of a charset file; a file of that name is ./auto.
AUTO = "auto"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConversionConfig(ListConfig, SplitConfig):
    """Lists, or an LMDB, that become a split of a data set; validated on construction."""

    charset_path: str = option(
        help="Charset file, one character per row; row 0 is the blank, unless --charset_blank says otherwise. "
        "auto takes the data set's charset, or for its first split the characters of the labels.",
        flag="charset",
    )
    charset_blank: str = option(FIRST_ROW, help=BLANK_HELP, choices=BLANK_ROWS)
    charset_min_count: int = option(
        1,
        help="With --charset=auto: characters with fewer occurrences in the labels are left out.",
        at_least=1,
    )
    normalize: str = option(
        NO_FORM,
        help="Normalise labels: compose letters and marks (NFC), or replace full-width and other forms of a "
        "character too (NFKC).",
        choices=NORMALIZATIONS,
    )
    list_paths: tuple[str, ...] = option(
        (), help="List file, one row per line image; may be repeated.", flag="list"
    )
    lmdb_path: str = option("", help="LMDB with image-%09d and label-%09d, instead of lists.", flag="lmdb")
    fit: str = option(
        "exact",
        help="For images of another size: refuse them (exact), scale them (resize), or scale them to the "
        "height and fill the width with the paper's grey (pad).",
        choices=tuple(FITS),
    )
    invert: str = option(NEVER, help=INVERT_HELP, choices=INVERT)
    duplicates: str = option(
        "last",
        help="Which row of a repeated path counts: the last, the first, none (refuse) or each (keep).",
        choices=("last", "first", "refuse", "keep"),
    )
    validation_fraction: float = option(
        0.0,
        help=f"Share of the rows, chosen by a hash of their paths, that goes to a split {VALIDATION!r}.",
        at_least=0,
        below=1,
    )

    def __post_init__(self) -> None:
        self._check_input()
        super().__post_init__()
        check_list_encoding(self.list_encoding)
        taken = self.validation_fraction and self.split == VALIDATION
        check_setting("split", self.split, not taken, "another split than --validation_fraction makes")
        self._check_charset()

    def _check_charset(self) -> None:
        auto, count = self.charset_path == AUTO, self.charset_min_count
        check_left_out("charset_min_count", count, auto or count == 1, f"1 without --charset={AUTO}")
        fits = not auto or self.charset_blank == FIRST_ROW
        check_left_out("charset_blank", self.charset_blank, fits, f"{FIRST_ROW} with --charset={AUTO}")

    def _check_input(self) -> None:
        given = [f"--{flag}" for flag, paths in self.inputs.items() if any(paths)]
        if len(given) != 1:
            raise UserError(
                "input",
                received=" and ".join(given) or "none",
                expected="either " + " or ".join(f"--{flag}" for flag in self.inputs),
                remedy="Name the lines to convert in one of these ways.",
            )

    @property
    def inputs(self) -> dict[str, Sequence[str]]:
        """Paths of the rows to convert, by flag; one flag has some."""
        return {"list": self.list_paths, "lmdb": [self.lmdb_path]}

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits to write: one, and VALIDATION where a fraction goes there."""
        return (self.split, VALIDATION) if self.validation_fraction else (self.split,)
