"""An LMDB as the CRNN projects make it, as a source of lines.

Keys are `num-samples`, and from 1 on `image-000000001` (an encoded image) and `label-000000001` (its text).
"""

import dataclasses
import functools
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from densenet_ocr.beam_jobs.conversion.config import ConversionConfig
from densenet_ocr.beam_jobs.engine.plan import PLAN_ROW, RowSource
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.line_list import decode_text, encode_text
from densenet_ocr.pipeline.schema import Record


@dataclasses.dataclass(frozen=True, kw_only=True)
class LmdbSource(RowSource):
    """Lines of one LMDB; a row's offset is its number there, its key in the data set `image-000000001`."""

    lmdb_path: str
    list_encoding: str

    def read_line(self, number: int, offset: int) -> Record:
        """The record of a numbered line; raises Refused."""
        image, label = self._get(b"image-%09d", offset), self._get(b"label-%09d", offset)
        if image is None:
            raise Refused("missing_image", f"no key image-{offset:09d}")
        ids = encode_text(decode_text(label or b"", self.list_encoding), self.charset)
        if not ids:
            raise Refused("no_label", f"no key label-{offset:09d}" if label is None else "its label is empty")
        self.check_label(ids)
        return self.make_record(f"image-{offset:09d}", image, ids)

    def describe_row(self, number: int, line: int, offset: int) -> tuple[str, str]:
        """path:number, and the label."""
        label = self._get(b"label-%09d", offset) or b""
        return f"{self.lmdb_path}:{line}", label.decode(self.list_encoding, "backslashreplace")

    def _get(self, key: bytes, number: int) -> bytes | None:
        with open_lmdb(self.lmdb_path).begin() as transaction:
            return transaction.get(key % number)


@functools.cache  # a process may open an LMDB once only
def open_lmdb(path: str) -> Any:
    """Opens an LMDB for reading; raises UserError where that cannot be."""
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
        folder = storage.is_folder(storage.local_path(path))
        return lmdb.open(path, subdir=folder, readonly=True, lock=False, readahead=False, max_readers=1)
    except (lmdb.Error, OSError) as error:
        raise UserError(
            f"LMDB {path}",
            received=str(error),
            expected="an LMDB, as a folder with data.mdb in it or as a file",
            remedy="Check --lmdb.",
        ) from None


class LmdbInput:
    """The LMDB that a conversion names."""

    def __init__(self, config: ConversionConfig):
        """Opens the LMDB; raises UserError where that cannot be."""
        # What an earlier conversion in this process has open may have changed since.
        open_lmdb.cache_clear()
        self._config, self._environment = config, open_lmdb(config.lmdb_path)

    def scan(self) -> np.ndarray:
        """The numbers from 1 to num-samples as rows, PLAN_ROW [N]; raises UserError where there are none."""
        with self._environment.begin() as transaction:
            count = transaction.get(b"num-samples")
        if count is None or not count.strip().isdigit() or not int(count):
            raise UserError(
                f"LMDB {self._config.lmdb_path}",
                received="no key num-samples" if count is None else f"num-samples {count!r}",
                expected="num-samples, image-000000001, label-000000001 and so on",
                remedy="Make it as the CRNN projects do, or give the lines as a --list.",
            )
        if int(count) > self._environment.stat()["entries"]:
            raise UserError(
                f"LMDB {self._config.lmdb_path}",
                received=f"num-samples {int(count):,} with {self._environment.stat()['entries']:,} keys",
                expected="an image and a label for each sample",
                remedy="Correct num-samples, or make the LMDB again.",
            )
        rows = np.zeros(int(count), PLAN_ROW)
        rows["line"] = rows["offset"] = np.arange(1, int(count) + 1)
        return rows

    def paths(self, rows: np.ndarray) -> Iterator[bytes]:
        """The keys of the rows' images."""
        for line in map(int, rows["line"]):
            yield b"image-%09d" % line

    def identify(self) -> dict[str, Any]:
        """What tells this LMDB from another, without reading it: every change of it counts transactions up."""
        path = self._environment.path()
        return {
            "lmdb_entries": self._environment.stat()["entries"],
            "lmdb_transactions": self._environment.info()["last_txnid"],
            "lmdb_bytes": storage.size(os.path.join(path, "data.mdb") if storage.is_folder(path) else path),
            "list_encoding": self._config.list_encoding,
        }

    def make_source(self, **planned) -> LmdbSource:
        """The source of the rows of a plan."""
        config = self._config
        return LmdbSource(**planned, lmdb_path=config.lmdb_path, list_encoding=config.list_encoding)
