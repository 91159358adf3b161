"""Configurations of descriptions; their fields are the flags of ocr-describe and ocr-charset."""

import dataclasses

from densenet_ocr.pipeline.charset import NO_FORM, NORMALIZATIONS
from densenet_ocr.pipeline.charsets.charset_file import BLANK_HELP, BLANK_ROWS, FIRST_ROW
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.ui.flags import Validated, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescribeConfig(Validated):
    """What to describe of a data set; validated on construction."""

    data: str = option(help="Folder of the data set.")
    split: str | None = option(None, help="The split to describe; by default all.")
    verify: bool = option(False, help="Check every shard and record against dataset.json.")
    picture: str | None = option(None, help="PNG file for charts and lines of each split.")
    font: str | None = option(
        None, help="Font file for the picture; by default one of this machine that has the characters."
    )
    lines: int = option(40, help="Lines of each split in the picture.", at_least=1)
    seed: int = option(0, help="Seed of the choice of lines.", at_least=0)
    workers: int = option(0, help="Processes that check shards; 0 starts one per core.", at_least=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CharsetConfig(ListConfig, Validated):
    """What charset to describe, and lists to compare it with; validated on construction."""

    charset: str = option(help="Charset file, or folder of a data set, a run or an export.")
    charset_blank: str = option(FIRST_ROW, help=BLANK_HELP, choices=BLANK_ROWS)
    normalize: str = option(
        NO_FORM, help="How labels are normalised, as for ocr-convert.", choices=NORMALIZATIONS
    )
    list_paths: tuple[str, ...] = option(
        (), help="List whose labels are compared with the charset; may be repeated.", flag="list"
    )
