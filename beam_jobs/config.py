"""What a conversion is told, checked where it is made."""

import dataclasses
import re

from pipeline.errors import check_setting
from pipeline.images import Geometry
from pipeline.schema import check_encoding

DUPLICATES = ("last", "first", "refuse", "keep")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conversion:
    """One list that becomes one split of a data set; fields are the flags of beam_jobs.convert."""

    list_path: str
    image_root: str
    charset_path: str
    output: str
    split: str = "train"
    image_height: int = Geometry.height
    image_width: int = Geometry.width
    image_encoding: str = "float32"
    lines_per_shard: int = 4096
    seed: int = 0
    max_reject_fraction: float = 0.01
    duplicates: str = "last"
    overwrite: bool = False

    def __post_init__(self):
        check_encoding(self.image_encoding)
        check_setting(
            "split",
            self.split,
            re.fullmatch(r"[A-Za-z0-9_]+", self.split),
            "letters, digits and underscores",
        )
        check_setting("lines_per_shard", self.lines_per_shard, self.lines_per_shard >= 1, "at least 1")
        check_setting("seed", self.seed, 0 <= self.seed < 2**63, "0 to 9223372036854775807")
        check_setting(
            "max_reject_fraction",
            self.max_reject_fraction,
            0 <= self.max_reject_fraction <= 1,
            "0 to 1",
        )
        check_setting("duplicates", self.duplicates, self.duplicates in DUPLICATES, ", ".join(DUPLICATES))
        self.geometry  # noqa: B018 - a size that makes no frame is refused here, not after the list was read

    @property
    def geometry(self) -> Geometry:
        """Size of the images."""
        return Geometry(self.image_height, self.image_width)
