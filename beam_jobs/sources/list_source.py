"""List files and their images as a source of lines."""

import dataclasses
import functools
import os
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np

from densenet_ocr.beam_jobs.conversion.config import ConversionConfig
from densenet_ocr.beam_jobs.engine.plan import PLAN_ROW, RowSource
from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.line_list import LineList, parse_row, resolve_path
from densenet_ocr.pipeline.schema import Record


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListSource(RowSource):
    """Lines of some lists, one after the other; the images of all lie below one root."""

    list_paths: tuple[str, ...]
    list_encoding: str
    image_root: str

    def read_line(self, number: int, offset: int) -> Record:
        """The record of the row at a byte offset of a list; raises Refused."""
        key, label = parse_row(self.read_row(number, offset), self.charset, self.list_encoding)
        self.check_label(label)
        return self.make_record(key, self.read_image(key), label)

    def read_image(self, key: str) -> bytes:
        """The encoded image of a path of a list; raises Refused."""
        return images.read_file(resolve_path(key, self._root))

    def describe_row(self, number: int, line: int, offset: int) -> tuple[str, str]:
        """file:line, and the row."""
        row = self.read_row(number, offset).decode(self.list_encoding, "backslashreplace")
        return f"{self.list_paths[number]}:{line}", row

    def read_row(self, number: int, offset: int) -> bytes:
        """The row at a byte offset of a list."""
        return self._lists[number].row_at(offset)

    @functools.cached_property
    def _root(self) -> str:
        return os.path.abspath(self.image_root)

    @functools.cached_property
    def _lists(self) -> list[LineList]:
        return [LineList(path) for path in self.list_paths]


AnyListSource = TypeVar("AnyListSource", bound=ListSource)


class ListInput:
    """The lists that a conversion or a transcription names."""

    def __init__(self, config: ConversionConfig | TranscriptionConfig):
        """Opens the lists; raises UserError where they, or the image root, are not there."""
        if not storage.is_folder(config.image_root):
            raise UserError(
                f"image root {config.image_root}",
                received="no such folder",
                expected="the folder that the list's paths start from",
                remedy="Check --image_root.",
            )
        self._config = config
        self._lists = [LineList(path) for path in config.list_paths]

    def scan(self) -> np.ndarray:
        """Rows that are not blank, PLAN_ROW [N], in the lists' order; raises UserError for a list of none."""
        return np.concatenate([_scan_list(number, one) for number, one in enumerate(self._lists)])

    def paths(self, rows: np.ndarray) -> Iterator[bytes]:
        """The rows, which start with their paths."""
        # In blocks, for tolist makes Python's numbers ten times as fast as a loop over an array does.
        for start in range(0, len(rows), 4096):
            for number, _, offset, *_ in rows[start : start + 4096].tolist():
                yield self._lists[number].row_at(offset)

    def identify(self) -> dict[str, Any]:
        """What tells these lists from others."""
        return {
            "lists (by SHA-256)": [line_list.sha256() for line_list in self._lists],
            "list_encoding": self._config.list_encoding,
            "image_root": os.path.normpath(self._config.image_root),
        }

    def make_source(self, kind: type[AnyListSource] = ListSource, **planned) -> AnyListSource:
        """The source, of a kind, of the rows of a plan."""
        config = self._config
        return kind(
            **planned,
            list_paths=config.list_paths,
            list_encoding=config.list_encoding,
            image_root=config.image_root,
        )


def _scan_list(number: int, line_list: LineList) -> np.ndarray:
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
