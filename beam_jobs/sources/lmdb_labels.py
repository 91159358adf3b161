"""An LMDB of labels alone, as MMOCR makes it, whose images lie in files; see sources.rows.Rows.

Its values are rows of a list, `{"filename": path, "text": text}` or `path text`, under `label-000000001` and so
on with their count in `num-samples`, or in older ones under `0` and so on with `total_number`.
"""

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from densenet_ocr.beam_jobs.engine.source import fields_of
from densenet_ocr.beam_jobs.sources.lmdb_rows import identify_lmdb, open_lmdb
from densenet_ocr.beam_jobs.sources.rows import PLAN_ROW, FoundLine, RecordBuilder
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.line_list import normalise_path, resolve_path
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.lists.detection import find_row_format
from densenet_ocr.pipeline.lists.list_file import ListFile, find_label
from densenet_ocr.pipeline.lists.opening import LINE_FORMATS, ListFormat, check_columns, open_lines
from densenet_ocr.pipeline.lists.roots import find_root
from densenet_ocr.pipeline.lists.rows import encode_entry

_COUNT, _OLD_COUNT = b"num-samples", b"total_number"


class LmdbLines:
    """The values of an LMDB as rows of a list, by their number; see pipeline.lists.list_file.Lines."""

    def __init__(self, path: str):
        self._path = path
        self._is_old = self._get(_OLD_COUNT) is not None

    @property
    def has_labels_alone(self) -> bool:
        """Whether the images are not in the LMDB."""
        has_first = self._get(b"label-000000001") is not None and self._get(b"image-000000001") is None
        return self._is_old or has_first

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """See Lines; numbers are those of the keys."""
        count = self._get(_OLD_COUNT if self._is_old else _COUNT) or b""
        entries = open_lmdb(self._path).stat()["entries"]
        if not count.strip().isdigit() or not 0 < int(count) < entries:
            raise UserError(
                f"LMDB {self._path}",
                received=f"{entries:,} keys and the count {count!r}",
                expected="a label for each sample, and their count",
                remedy="Make it again, or give the lines as a --list.",
            )
        numbers = np.arange(int(count)) + (0 if self._is_old else 1)
        return numbers, numbers

    def row_at(self, offset: int) -> bytes:
        """See Lines."""
        key = b"%d" % offset if self._is_old else b"label-%09d" % offset
        return (self._get(key) or b"").rstrip(b"\r\n")

    def sha256(self) -> str:
        """See Lines; by what changes whenever the LMDB does."""
        return hashlib.sha256(json.dumps(identify_lmdb(self._path)).encode()).hexdigest()

    def _get(self, key: bytes) -> bytes | None:
        with open_lmdb(self._path).begin() as transaction:
            return transaction.get(key)


@dataclasses.dataclass(frozen=True)
class LmdbLabels:
    """The labels of one LMDB, and the files of their images.

    Attributes:
      lmdb_path: A folder with data.mdb, or a file.
      list_format: What the labels mean.
      list_encoding: Their text encoding.
      image_root: Folder that the paths in them are relative to.
    """

    lmdb_path: str
    list_format: ListFormat
    list_encoding: str
    image_root: str

    def scan(self) -> np.ndarray:
        """See Rows."""
        offsets, lines = self._entries.scan()
        rows = np.zeros(len(offsets), PLAN_ROW)
        rows["offset"], rows["line"] = offsets, lines
        return rows

    def paths(self, rows: np.ndarray) -> Iterator[bytes]:
        """See Rows."""
        for offset in rows["offset"].tolist():
            path = self._entries.find_path(offset)
            yield normalise_path(path, storage.absolute(self.image_root), self._entries.path_encoding)

    def labels(self, rows: np.ndarray) -> Iterator[str | list[bytes] | None]:
        """See Rows."""
        yield from (find_label(self._entries, offset) for offset in rows["offset"].tolist())

    def identify(self) -> dict[str, Any]:
        """See Rows."""
        return {
            **identify_lmdb(self.lmdb_path),
            "list_encoding": self.list_encoding,
            "image_root": storage.normalise(self.image_root),
            "list_formats": [" ".join([self.list_format.name, *filter(None, self.list_format.columns)])],
        }

    def find_line(self, number: int, offset: int, builder: RecordBuilder) -> FoundLine:
        """See Rows."""
        key, label = encode_entry(self._entries.parse(offset), builder.charset)
        builder.check_label(label)
        return FoundLine(key, resolve_path(key, storage.absolute(self.image_root)), label)

    def has_remote_images(self) -> bool:
        """See Rows."""
        return bool(self._entries) and storage.is_url(self.image_root)

    def describe(self, number: int, line: int, offset: int) -> tuple[str, str]:
        """See Rows."""
        return f"{self.lmdb_path}:{line}", self._entries.show(offset)

    @functools.cached_property
    def _entries(self) -> ListFile:
        return open_lines(LmdbLines(self.lmdb_path), self.list_format, self.list_encoding)

    def __getstate__(self) -> dict[str, Any]:
        return fields_of(self)


def open_labels(path: str, config: ListConfig, charset: Charset | None) -> LmdbLabels | None:
    """Opens an LMDB of labels alone, and finds out what its labels mean; None for one with images."""
    open_lmdb.cache_clear()  # one that an earlier conversion in this process has open may have changed
    lines = LmdbLines(path)
    if not lines.has_labels_alone:
        return None
    root = find_root([os.path.abspath(path)], config.image_root or os.path.dirname(os.path.abspath(path)))
    list_format = find_row_format(path, lines, config, charset)
    check_columns([list_format], config.path_column, config.text_column)
    if list_format.name not in LINE_FORMATS:
        raise UserError(
            f"LMDB {path}",
            received=f"labels in the format {list_format.name}",
            expected=f"labels that are rows of a list: {', '.join(LINE_FORMATS)}",
            remedy="Set --list_format.",
        )
    return LmdbLabels(path, list_format, config.list_encoding, root)
