"""An LMDB as the CRNN projects make it, as rows of a source; see sources.rows.Rows.

Its keys are `num-samples`, and from 1 on `image-000000001` (an encoded image) and `label-000000001` (its text).
"""

import dataclasses
import functools
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from densenet_ocr.beam_jobs.sources.rows import PLAN_ROW, FoundLine, RecordBuilder
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.line_list import decode_text, encode_text


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
        for line in map(int, rows["line"]):
            yield b"image-%09d" % line

    def labels(self, rows: np.ndarray) -> Iterator[str | list[bytes] | None]:
        """See Rows."""
        for line in map(int, rows["line"]):
            try:
                yield decode_text(self._get(b"label-%09d" % line) or b"", self.list_encoding)
            except Refused:
                yield None

    def identify(self) -> dict[str, Any]:
        """See Rows."""
        return {**identify_lmdb(self.lmdb_path), "list_encoding": self.list_encoding}

    def find_line(self, number: int, offset: int, builder: RecordBuilder) -> FoundLine:
        """See Rows."""
        image, label = self._get(b"image-%09d" % offset), self._get(b"label-%09d" % offset)
        if image is None:
            raise Refused("missing_image", f"no key image-{offset:09d}")
        ids = encode_text(decode_text(label or b"", self.list_encoding), builder.charset)
        if not ids:
            raise Refused("no_label", f"no key label-{offset:09d}" if label is None else "its label is empty")
        builder.check_label(ids)
        return FoundLine(f"image-{offset:09d}", image, ids)

    def has_remote_images(self) -> bool:
        """See Rows."""
        return False

    def describe(self, number: int, line: int, offset: int) -> tuple[str, str]:
        """See Rows: path:number, and the label."""
        label = self._get(b"label-%09d" % offset) or b""
        return f"{self.lmdb_path}:{line}", label.decode(self.list_encoding, "backslashreplace")

    def _count_samples(self) -> int:
        count, entries = self._get(b"num-samples"), open_lmdb(self.lmdb_path).stat()["entries"]
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

    def _get(self, key: bytes) -> bytes | None:
        with open_lmdb(self.lmdb_path).begin() as transaction:
            return transaction.get(key)


def identify_lmdb(path: str) -> dict[str, int]:
    """Returns what identifies the content of an LMDB: every change increases the number of transactions."""
    environment = open_lmdb(path)
    path = environment.path()
    return {
        "lmdb_entries": environment.stat()["entries"],
        "lmdb_transactions": environment.info()["last_txnid"],
        "lmdb_bytes": storage.size(os.path.join(path, "data.mdb") if storage.is_folder(path) else path),
    }


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
