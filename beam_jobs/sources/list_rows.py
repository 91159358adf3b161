"""List files as rows of a source; see sources.rows.Rows."""

import dataclasses
import functools
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from densenet_ocr.beam_jobs.engine.source import fields_of
from densenet_ocr.beam_jobs.sources.rows import PLAN_ROW, RecordBuilder
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.line_list import LineList, parse_row, resolve_path
from densenet_ocr.pipeline.schema import Record


@dataclasses.dataclass(frozen=True)
class ListRows:
    """The rows of some list files, one list after the other.

    Construction opens the lists, and raises UserError where they or the image root do not exist.

    Attributes:
      list_paths: The list files.
      list_encoding: Their text encoding.
      image_root: Folder that the paths in all lists are relative to.
    """

    list_paths: tuple[str, ...]
    list_encoding: str
    image_root: str

    def __post_init__(self) -> None:
        if not storage.is_folder(self.image_root):
            raise UserError(
                f"image root {self.image_root}",
                received="no such folder",
                expected="the folder that the list's paths start from",
                remedy="Check --image_root.",
            )
        self._lists  # noqa: B018 - opened here, so that a missing list is found first

    def scan(self) -> np.ndarray:
        """See Rows."""
        return np.concatenate([_scan_list(number, one) for number, one in enumerate(self._lists)])

    def paths(self, rows: np.ndarray) -> Iterator[bytes]:
        """See Rows; these are the rows themselves, which start with their paths."""
        # In blocks: tolist makes Python's numbers ten times as fast as a loop over an array does.
        lists = self._lists
        for start in range(0, len(rows), 4096):
            for number, _, offset, *_ in rows[start : start + 4096].tolist():
                yield lists[number].row_at(offset)

    def identify(self) -> dict[str, Any]:
        """See Rows."""
        return {
            "lists (by SHA-256)": [line_list.sha256() for line_list in self._lists],
            "list_encoding": self.list_encoding,
            "image_root": os.path.normpath(self.image_root),
        }

    def read_record(self, number: int, offset: int, builder: RecordBuilder) -> Record:
        """See Rows."""
        key, label = parse_row(self.row_at(number, offset), builder.charset, self.list_encoding)
        builder.check_label(label)
        return builder.build(key, self.read_image(key), label)

    def describe(self, number: int, line: int, offset: int) -> tuple[str, str]:
        """See Rows."""
        row = self.row_at(number, offset).decode(self.list_encoding, "backslashreplace")
        return f"{self.list_paths[number]}:{line}", row

    def row_at(self, number: int, offset: int) -> bytes:
        """Returns the row at a byte offset of a list."""
        return self._lists[number].row_at(offset)

    def find_image(self, key: str) -> str:
        """Returns the file of a path in a list; raises Refused."""
        return resolve_path(key, self._root)

    def read_image(self, key: str) -> bytes:
        """Returns the encoded image of a path in a list; raises Refused."""
        return images.read_file(self.find_image(key))

    @functools.cached_property
    def _root(self) -> str:
        return os.path.abspath(self.image_root)

    @functools.cached_property
    def _lists(self) -> list[LineList]:
        return [LineList(path) for path in self.list_paths]

    def __getstate__(self) -> dict[str, Any]:
        return fields_of(self)


def _scan_list(number: int, line_list: LineList) -> np.ndarray:
    """Returns the rows of one list, PLAN_ROW [rows]."""
    offsets, lines = line_list.scan()
    if not len(offsets):
        raise UserError(
            f"list {line_list.path}",
            received="no rows",
            expected="at least one row that is not blank",
            remedy="Check that --list names the list of lines.",
        )
    rows = np.zeros(len(offsets), PLAN_ROW)
    rows["list"], rows["line"], rows["offset"] = number, lines, offsets
    return rows
