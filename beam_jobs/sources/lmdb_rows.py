"""LMDBs as rows of a source; see sources.rows.Rows.

As the CRNN projects make it, an LMDB has the keys `num-samples`, and from 1 on `image-000000001` (an encoded
image) and `label-000000001` (its text).

As MMOCR makes it, it has labels alone, and the images lie in files. Its values are rows of a list,
`{"filename": path, "text": text}` or `path text`, under `label-000000001` and so on with their count in
`num-samples`, or in older ones under `0` and so on with `total_number`.
"""

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from densenet_ocr.beam_jobs.sources.list_rows import ListRows, describe_format
from densenet_ocr.beam_jobs.sources.rows import PLAN_ROW, FoundLine, RecordBuilder
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.line_list import decode_text, encode_text
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.lists.detection import find_row_format
from densenet_ocr.pipeline.lists.list_file import ListFile
from densenet_ocr.pipeline.lists.opening import LINE_FORMATS, check_columns, find_root, open_lines

_COUNT, _OLD_COUNT = b"num-samples", b"total_number"


@dataclasses.dataclass(frozen=True)
class LmdbRows:
    """The samples of one LMDB. A row's offset is its number there; its key is `image-000000001`.

    Construction opens the LMDB, and raises UserError where that is not possible.

    Attributes:
      lmdb_path: A folder with data.mdb, or a file.
      list_encoding: Text encoding of the labels.
    """

    lmdb_path: str
    list_encoding: str

    def __post_init__(self) -> None:
        # An LMDB that an earlier conversion in this process has open may have changed since.
        open_lmdb.cache_clear()
        open_lmdb(self.lmdb_path)

    def scan(self) -> np.ndarray:
        """See Rows."""
        count = self._count_samples()
        rows = np.zeros(count, PLAN_ROW)
        rows["line"] = rows["offset"] = np.arange(1, count + 1)
        return rows

    def paths(self, rows: np.ndarray) -> Iterator[bytes]:
        """See Rows; these are the keys of the images."""
        yield from (b"image-%09d" % line for line in rows["line"].tolist())

    def labels(self, rows: np.ndarray) -> Iterator[str | list[bytes] | None]:
        """See Rows."""
        for line in rows["line"].tolist():
            try:
                yield decode_text(_get(self.lmdb_path, b"label-%09d" % line) or b"", self.list_encoding)
            except Refused:
                yield None

    def identify(self) -> dict[str, Any]:
        """See Rows."""
        return {**identify_lmdb(self.lmdb_path), "list_encoding": self.list_encoding}

    def find_line(self, number: int, offset: int, builder: RecordBuilder) -> FoundLine:
        """See Rows."""
        image, label = (_get(self.lmdb_path, key % offset) for key in (b"image-%09d", b"label-%09d"))
        if image is None:
            raise Refused("missing_image", f"no key image-{offset:09d}")
        ids = encode_text(decode_text(label or b"", self.list_encoding), builder.info.charset)
        if not ids:
            raise Refused("no_label", f"no key label-{offset:09d}" if label is None else "its label is empty")
        builder.check_label(ids)
        return FoundLine(f"image-{offset:09d}", image, ids)

    def has_remote_images(self) -> bool:
        """See Rows."""
        return False

    def describe(self, number: int, line: int, offset: int) -> tuple[str, str]:
        """See Rows: path:number, and the label."""
        label = _get(self.lmdb_path, b"label-%09d" % offset) or b""
        return f"{self.lmdb_path}:{line}", label.decode(self.list_encoding, "backslashreplace")

    def _count_samples(self) -> int:
        count, entries = _get(self.lmdb_path, _COUNT), open_lmdb(self.lmdb_path).stat()["entries"]
        if count is None or not count.strip().isdigit() or not int(count):
            raise UserError(
                f"LMDB {self.lmdb_path}",
                received="no key num-samples" if count is None else f"num-samples {count!r}",
                expected="num-samples, image-000000001, label-000000001 and so on",
                remedy="Make it as the CRNN projects do, or give the lines as a --list.",
            )
        if int(count) > entries:
            raise UserError(
                f"LMDB {self.lmdb_path}",
                received=f"num-samples {int(count):,} with {entries:,} keys",
                expected="an image and a label for each sample",
                remedy="Correct num-samples, or make the LMDB again.",
            )
        return int(count)


class LmdbLines:
    """The values of an LMDB as rows of a list, by their number; see pipeline.lists.list_file.Lines."""

    def __init__(self, path: str):
        self._path = path
        self._is_old = _get(self._path, _OLD_COUNT) is not None

    @property
    def has_labels_alone(self) -> bool:
        """Whether the images are not in the LMDB."""
        label, image = (_get(self._path, key) for key in (b"label-000000001", b"image-000000001"))
        return self._is_old or (label is not None and image is None)

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """See Lines; numbers are those of the keys."""
        count = _get(self._path, _OLD_COUNT if self._is_old else _COUNT) or b""
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
        return (_get(self._path, key) or b"").rstrip(b"\r\n")

    def sha256(self) -> str:
        """See Lines; by what changes whenever the LMDB does."""
        return hashlib.sha256(json.dumps(identify_lmdb(self._path)).encode()).hexdigest()


class LmdbLabels(ListRows):
    """The labels of one LMDB, which takes the place of a list."""

    def identify(self) -> dict[str, Any]:
        """See Rows."""
        return {
            **identify_lmdb(self.list_paths[0]),
            "list_encoding": self.list_encoding,
            "image_root": storage.normalise(self.image_root),
            "list_formats": [describe_format(self.list_formats[0])],
        }

    @functools.cached_property
    def _lists(self) -> list[ListFile]:
        return [open_lines(LmdbLines(self.list_paths[0]), self.list_formats[0], self.list_encoding)]


def open_labels(path: str, config: ListConfig, charset: Charset | None) -> LmdbLabels | None:
    """Opens an LMDB of labels alone, and finds out what its labels mean; None for one with images."""
    open_lmdb.cache_clear()  # one that an earlier conversion in this process has open may have changed
    lines = LmdbLines(path)
    if not lines.has_labels_alone:
        return None
    root = find_root([os.path.abspath(path)], config.image_root or os.path.dirname(os.path.abspath(path)))
    list_format = find_row_format(path, lines, config, charset)
    check_columns([list_format], config.columns)
    if list_format.name not in LINE_FORMATS:
        raise UserError(
            f"LMDB {path}",
            received=f"labels in the format {list_format.name}",
            expected=f"labels that are rows of a list: {', '.join(LINE_FORMATS)}",
            remedy="Set --list_format.",
        )
    return LmdbLabels((path,), (list_format,), config.list_encoding, root)


def identify_lmdb(path: str) -> dict[str, int]:
    """Returns what identifies the content of an LMDB: every change increases the number of transactions."""
    environment = open_lmdb(path)
    path = environment.path()
    return {
        "lmdb_entries": environment.stat()["entries"],
        "lmdb_transactions": environment.info()["last_txnid"],
        "lmdb_bytes": storage.size(os.path.join(path, "data.mdb") if storage.is_folder(path) else path),
    }


def _get(path: str, key: bytes) -> bytes | None:
    with open_lmdb(path).begin() as transaction:
        return transaction.get(key)


@functools.cache  # a process may open an LMDB once only
def open_lmdb(path: str) -> Any:
    """Opens an LMDB for reading; raises UserError where it cannot be opened."""
    if storage.is_url(path):
        raise UserError(
            f"LMDB {path}",
            received="a URL",
            expected="a folder or file of this machine: an LMDB is mapped into memory",
            remedy="Copy it here, or mount the bucket.",
        )
    try:
        import lmdb
    except ImportError:
        raise UserError(
            f"LMDB {path}",
            received="no package that reads it",
            expected="the package lmdb",
            remedy="pip install 'densenet-ocr[lmdb]'",
        ) from None
    try:
        if storage.is_special(path):
            raise OSError("a pipe or a device")
        folder = storage.is_folder(path)
        return lmdb.open(path, subdir=folder, readonly=True, lock=False, readahead=False, max_readers=1)
    except (lmdb.Error, OSError) as error:
        raise UserError(
            f"LMDB {path}",
            received=str(error),
            expected="an LMDB, as a folder with data.mdb in it or as a file",
            remedy="Check --lmdb.",
        ) from None
