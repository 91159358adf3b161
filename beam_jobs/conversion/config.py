"""What a conversion or a transcription is told, checked where it is made."""

import dataclasses
import re
from typing import Any

from densenet_ocr.pipeline.errors import UserError, check_setting
from densenet_ocr.pipeline.images import Geometry, check_fit
from densenet_ocr.pipeline.line_list import ENCODING, check_list_encoding
from densenet_ocr.pipeline.schema import check_encoding

DUPLICATES = ("last", "first", "refuse", "keep")

# The split that --validation_fraction of the rows goes to.
VALIDATION = "validation"


def check_split(config: Any) -> None:
    """Raises UserError where the split, lines_per_shard or seed of a configuration is none."""
    named = re.fullmatch(r"[A-Za-z0-9_]+", config.split)
    check_setting("split", config.split, named, "letters, digits and underscores")
    check_setting("lines_per_shard", config.lines_per_shard, config.lines_per_shard >= 1, "at least 1")
    check_setting("seed", config.seed, 0 <= config.seed < 2**63, "0 to 9223372036854775807")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conversion:
    """Lists, or an LMDB, that become a split of a data set; fields are the flags of beam_jobs.convert."""

    charset_path: str
    output: str
    list_paths: tuple[str, ...] = ()
    image_root: str = ""
    list_encoding: str = ENCODING
    lmdb_path: str = ""
    split: str = "train"
    image_height: int = Geometry.height
    image_width: int = Geometry.width
    image_encoding: str = "float32"
    fit: str = "exact"
    lines_per_shard: int = 4096
    seed: int = 0
    max_reject_fraction: float = 0.01
    duplicates: str = "last"
    validation_fraction: float = 0.0
    overwrite: bool = False

    def __post_init__(self):
        self._check_input()
        check_encoding(self.image_encoding)
        check_list_encoding(self.list_encoding)
        check_split(self)
        fraction = self.max_reject_fraction
        check_setting("max_reject_fraction", fraction, 0 <= fraction <= 1, "0 to 1")
        check_setting("duplicates", self.duplicates, self.duplicates in DUPLICATES, ", ".join(DUPLICATES))
        check_fit(self.fit)
        fraction = self.validation_fraction
        check_setting("validation_fraction", fraction, 0 <= fraction < 1, "0 to below 1")
        taken = fraction and self.split == VALIDATION
        check_setting("split", self.split, not taken, "another split than --validation_fraction makes")
        self.geometry  # noqa: B018 - a size that makes no frame is refused here, not after the list was read

    def _check_input(self) -> None:
        if bool(self.list_paths) == bool(self.lmdb_path) or bool(self.list_paths) != bool(self.image_root):
            given = {"list": self.list_paths, "image_root": self.image_root, "lmdb": self.lmdb_path}
            raise UserError(
                "input",
                received=", ".join(f"--{name}" for name, value in given.items() if value) or "none",
                expected="either --list with --image_root, or --lmdb",
                remedy="Name the lines to convert in one of the two ways.",
            )

    @property
    def geometry(self) -> Geometry:
        """Size of the images."""
        return Geometry(self.image_height, self.image_width)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that are made: one, and VALIDATION where a fraction goes there."""
        return (self.split, VALIDATION) if self.validation_fraction else (self.split,)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transcription:
    """Lists of images that a model's export reads; fields are the flags of beam_jobs.transcribe."""

    list_paths: tuple[str, ...]
    image_root: str
    model: str
    output: str
    list_encoding: str = ENCODING
    lines_per_shard: int = 1024  # a window of 16 batches, within which lines are sorted; a kill loses no more
    batch_size: int = 64
    max_reject_fraction: float | None = None  # None: 1, but for input of which not one row can be read
    overwrite: bool = False

    def __post_init__(self):
        check_list_encoding(self.list_encoding)
        check_setting("list", self.list_paths, self.list_paths, "a list file or more")
        check_setting("lines_per_shard", self.lines_per_shard, self.lines_per_shard >= 1, "at least 1")
        check_setting("batch_size", self.batch_size, self.batch_size >= 1, "at least 1")
        fraction = self.max_reject_fraction
        check_setting("max_reject_fraction", fraction, fraction is None or 0 <= fraction <= 1, "0 to 1")
