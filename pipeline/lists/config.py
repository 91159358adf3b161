"""Flags of the commands that read lists."""

import dataclasses

from densenet_ocr.pipeline.line_list import ENCODING
from densenet_ocr.pipeline.lists.objects import Columns
from densenet_ocr.pipeline.lists.opening import AUTO, FORMATS
from densenet_ocr.pipeline.ui.flags import option


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListConfig:
    """How lists are read."""

    image_root: str = option(
        "", help="Folder that the paths in lists are relative to; by default the list's folder."
    )
    list_encoding: str = option(
        ENCODING, help="Text encoding of the lists or of the LMDB's labels, such as gbk."
    )
    list_format: str = option(
        AUTO,
        help="What the rows of a list mean; auto decides by all rows of each list. ids: path id id ...; text: "
        "path<TAB>text; space: path text; csv, jsonl, json: columns of path and text; gt_txt: a folder of "
        "images and .gt.txt files; paddle: text, with JSON arrays of paths; mixed: text where a row has a tab, "
        "else ids.",
        choices=FORMATS,
    )
    path_column: str = option("", help="Column of the path in CSV or JSON lists, if auto does not find it.")
    text_column: str = option("", help="Column of the text in CSV or JSON lists, if auto does not find it.")

    @property
    def columns(self) -> Columns:
        """--path_column and --text_column."""
        return Columns(self.path_column, self.text_column)
