"""Configuration of a transcription; its fields are the flags of ocr-transcribe."""

import dataclasses

from densenet_ocr.pipeline.errors import check_setting
from densenet_ocr.pipeline.exports.shipped import DEFAULT
from densenet_ocr.pipeline.imaging.contrast import INVERT, INVERT_AT_READING_HELP
from densenet_ocr.pipeline.line_list import check_list_encoding
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.ui.flags import option, validate


@dataclasses.dataclass(frozen=True, kw_only=True)
class TranscriptionConfig(ListConfig):
    """Lists of line images for an exported model to read; validated on construction."""

    list_paths: tuple[str, ...] = option(
        help="List file, one row per line image; may be repeated.", flag="list"
    )
    model: str = option(
        DEFAULT,
        help="Folder of an export in any format, also s3://... and so on, or a model of this package by name.",
    )
    output: str = option(help="Folder of the transcripts.")
    invert: str | None = option(None, help=INVERT_AT_READING_HELP, choices=INVERT)
    # A window of 16 batches, within which lines are sorted by width. A killed worker loses no more than a
    # shard.
    lines_per_shard: int = option(
        1024, help="Rows in one shard; a killed run loses at most one shard per worker.", at_least=1
    )
    batch_size: int = option(64, help="Maximum batch size.", at_least=1)
    max_reject_fraction: float | None = option(
        None,
        help="Fail if a larger share of the images cannot be read; by default only if none can be read. "
        "1 never fails.",
        at_least=0,
        at_most=1,
    )
    overwrite: bool = option(
        False,
        help="Replace existing transcripts. An interrupted run that had --overwrite resumes with it.",
    )

    def __post_init__(self) -> None:
        validate(self)
        check_list_encoding(self.list_encoding)
        check_setting("list", self.list_paths, self.list_paths, "one list file or more")
