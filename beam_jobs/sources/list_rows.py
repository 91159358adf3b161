"""Lists as rows of a source; see sources.rows.Rows."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from densenet_ocr.beam_jobs.sources.rows import PLAN_ROW, FoundLine, RecordBuilder
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.line_list import ENCODING, normalise_path, resolve_path
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.lists.detection import find_format, reads_as_mixed
from densenet_ocr.pipeline.lists.list_file import ListFile, find_label
from densenet_ocr.pipeline.lists.opening import GT_TXT, ListFormat, check_columns, find_root, open_list
from densenet_ocr.pipeline.lists.rows import MIXED, decode_path, encode_entry
from densenet_ocr.pipeline.lists.text_folder import AT_ONCE


@dataclasses.dataclass(frozen=True)
class ListRows:
    """The entries of some lists, one list after the other.

    Construction opens the lists, and raises UserError where they or the image root do not exist.

    Attributes:
      list_paths: The lists.
      list_formats: What the entries of each mean.
      list_encoding: Their text encoding.
      image_root: Folder or URL that the paths in all lists are relative to.
    """

    list_paths: tuple[str, ...]
    list_formats: tuple[ListFormat, ...]
    list_encoding: str
    image_root: str

    def __post_init__(self) -> None:
        self._lists  # noqa: B018 - opened here, so that a missing list is found first

    def scan(self) -> np.ndarray:
        """See Rows."""
        numbered = zip(range(len(self._lists)), self.list_paths, self._lists, strict=True)
        return np.concatenate([_scan_list(*one) for one in numbered])

    def paths(self, rows: np.ndarray) -> Iterator[bytes]:
        """See Rows."""
        lines = self._lines_of_images
        for one, offset in self._locate(rows):
            path = self._normalise(one.find_line(offset), one.path_encoding)
            yield lines.get(path, path)

    def labels(self, rows: np.ndarray) -> Iterator[str | list[bytes] | None]:
        """See Rows."""
        located = self._locate(rows)
        if any(one.name == GT_TXT for one in self.list_formats) and any(map(storage.is_url, self.list_paths)):
            # Each text is a file of a store.
            yield from storage.map_many(lambda row: find_label(*row), located, AT_ONCE)
        else:
            yield from (find_label(one, offset) for one, offset in located)

    def _locate(self, rows: np.ndarray) -> Iterator[tuple[ListFile, int]]:
        """Yields the list of each row and the row's offset there."""
        # In blocks: tolist makes Python's numbers ten times as fast as a loop over an array does.
        lists = self._lists
        for start in range(0, len(rows), 4096):
            for number, _, offset, *_ in rows[start : start + 4096].tolist():
                yield lists[number], offset

    def identify(self) -> dict[str, Any]:
        """See Rows."""
        formats = [
            MIXED if reads_as_mixed(path, one.name) else describe_format(one)
            for path, one in zip(self.list_paths, self.list_formats, strict=True)
        ]
        return {
            "lists (by SHA-256)": [one.sha256() for one in self._lists],
            "list_encoding": self.list_encoding,
            "image_root": storage.normalise(self.image_root),
            # Older data sets have none: each row was read by itself.
            **({} if set(formats) == {MIXED} else {"list_formats": formats}),
        }

    def find_line(self, number: int, offset: int, builder: RecordBuilder) -> FoundLine:
        """See Rows."""
        key, label = encode_entry(self._lists[number].parse(offset), builder.info.charset)
        builder.check_label(label)
        return FoundLine(key, resolve_path(key, self._root), label)

    def has_remote_images(self) -> bool:
        """See Rows."""
        return bool(self._lists) and storage.is_url(self._root)

    def describe(self, number: int, line: int, offset: int) -> tuple[str, str]:
        """See Rows."""
        return f"{self.list_paths[number]}:{line}", self._lists[number].show(offset)

    def path_at(self, number: int, offset: int) -> tuple[bytes, str]:
        """Returns the path of an entry, without a check, and its encoding."""
        one = self._lists[number]
        return one.find_path(offset), one.path_encoding

    def find_image(self, number: int, offset: int) -> str:
        """Returns the file of an entry's image; raises Refused."""
        return resolve_path(decode_path(*self.path_at(number, offset)), self._root)

    def _normalise(self, path: bytes, encoding: str) -> bytes:
        """Returns what identifies a path, in UTF-8 if the lists have paths in several encodings."""
        path = normalise_path(path, self._root, encoding)
        if encoding == ENCODING or not self._has_encodings:
            return path
        return path.decode(encoding, "backslashreplace").encode(ENCODING)

    @functools.cached_property
    def _has_encodings(self) -> bool:
        return len({one.path_encoding for one in self._lists}) > 1

    @functools.cached_property
    def _lines_of_images(self) -> dict[bytes, bytes]:
        """What identifies the line of each image in a folder with texts, which other lists may name, too."""
        if len(self._lists) == 1:
            return {}
        return {
            normalise_path(one.find_path(offset), self._root): normalise_path(one.find_line(offset), self._root)
            for one, list_format in zip(self._lists, self.list_formats, strict=True)
            if list_format.name == GT_TXT
            for offset in one.scan()[0].tolist()
        }

    @functools.cached_property
    def _root(self) -> str:
        return storage.absolute(self.image_root)

    @functools.cached_property
    def _lists(self) -> list[ListFile]:
        return [
            open_list(path, one, encoding=self.list_encoding, image_root=self._root)
            for path, one in zip(self.list_paths, self.list_formats, strict=True)
        ]

    def __getstate__(self) -> dict[str, Any]:
        # Cached open files are not pickled.
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def open_lists(
    paths: Sequence[str], config: ListConfig, charset: Charset | None = None, *, labels: bool = True
) -> ListRows:
    """Opens lists, and finds out what their entries mean.

    Args:
      paths: The lists.
      config: How they are read.
      charset: Characters of the labels.
      labels: Whether labels are read, or paths alone.

    Raises:
      UserError: a list or the image root cannot be used, or a list could be read in two ways.
    """
    root = find_root(paths, config.image_root)
    formats = tuple(find_format(path, config, charset, labels=labels) for path in paths)
    check_columns(formats, config.columns)
    return ListRows(tuple(paths), formats, config.list_encoding, root)


def describe_format(list_format: ListFormat) -> str:
    """Returns the name of a format and those of its columns, as data sets store it."""
    return " ".join([list_format.name, *filter(None, list_format.columns)])


def _scan_list(number: int, path: str, one: ListFile) -> np.ndarray:
    """Returns the rows of one list, PLAN_ROW [rows]."""
    offsets, lines = one.scan()
    if not len(offsets):
        raise UserError(
            f"list {path}",
            received="no rows",
            expected="at least one row that is not blank",
            remedy="Check that --list names the list of lines.",
        )
    rows = np.zeros(len(offsets), PLAN_ROW)
    rows["list"], rows["line"], rows["offset"] = number, lines, offsets
    return rows
