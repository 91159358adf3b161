"""Files of a text source: finds and reads them."""

import codecs
import dataclasses
import functools
import hashlib
import math
import os
from collections.abc import Iterator

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.line_list import LineList, check_list_encoding
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.lists.detection import find_format
from densenet_ocr.pipeline.lists.list_file import ListFile
from densenet_ocr.pipeline.lists.opening import AUTO, open_list

CHARSET = "charset"
_LIST = "list:"
_BLOCK = 1 << 22  # characters per part of a text


@dataclasses.dataclass(frozen=True)
class TextFile:
    """A file of plain text, or a list of lines."""

    path: str
    encoding: str
    is_list: bool
    list_format: str = AUTO

    def read(self, charset: Charset) -> Iterator[str]:
        """Yields the text in parts of whole rows; the charset decodes ids of a list. Raises UserError."""
        return self._read_list(charset) if self.is_list else self._read_text()

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 of the file."""
        return LineList(self.path).sha256() if self.is_list else hashlib.sha256(self._bytes()).hexdigest()

    def _bytes(self) -> bytes:
        return storage.read_bytes(self.path)

    def _read_text(self) -> Iterator[str]:
        data = self._bytes()
        try:
            text = data.decode(self.encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise UserError(
                f"text {self.path}:{line}",
                received=f"bytes that are not {self.encoding} ({error.reason} at byte {error.start})",
                expected=self.encoding,
                remedy="Set --text_encoding, or convert the file, for example with iconv -t UTF-8.",
            ) from None
        start = 0
        while start < len(text):
            end = text.find("\n", start + _BLOCK) + 1 or len(text)
            yield text[start:end]
            start = end

    def _read_list(self, charset: Charset) -> Iterator[str]:
        config = ListConfig(list_encoding=self.encoding, list_format=self.list_format)
        list_format = find_format(self.path, config, charset)
        entries = open_list(self.path, list_format, encoding=self.encoding, image_root=os.getcwd())
        texts: list[str] = []
        size = 0
        for offset, line in zip(*(numbers.tolist() for numbers in entries.scan()), strict=True):
            texts.append(self._parse(entries, offset, line, charset))
            size += len(texts[-1]) + 1
            if size > _BLOCK:
                yield "\n".join(texts)
                texts, size = [], 0
        yield "\n".join(texts)

    def _parse(self, entries: ListFile, offset: int, line: int, charset: Charset) -> str:
        try:
            entry = entries.parse(offset)
            return charset.decode(charset.encode_rows(entry.ids)) if entry.text is None else entry.text
        except Refused as refusal:
            raise UserError(
                f"list {self.path}:{line}",
                received=refusal,
                expected="a row that fits the charset",
                remedy="Check --charset, --text_encoding and --list_format, or remove the row.",
            ) from None


def parse_source(source: str, encoding: str, list_format: str = AUTO) -> tuple[str, float, list[TextFile]]:
    """Parses `[list:]FILES[=WEIGHT]` or `charset[=WEIGHT]` into name, weight and files.

    An existing file or glob is not parsed further: news=3.txt is a name.

    Raises:
      UserError: there is no such source.
    """
    _check_encoding(encoding)
    for name, weight in _split_weight(source):
        if name == CHARSET:
            return name, weight, []
        for prefix in ("", _LIST):
            paths = _find_files(name.removeprefix(prefix)) if name.startswith(prefix) else []
            if paths:
                if prefix:
                    check_list_encoding(encoding)
                return name, weight, [TextFile(path, encoding, bool(prefix), list_format) for path in paths]
    raise UserError(
        f"text {source}",
        received=_describe_missing(source),
        expected="files of text (a path or a glob), list:FILES, or charset; =WEIGHT may follow, as in a.txt=3",
        remedy="Check --text.",
    )


def _split_weight(source: str) -> list[tuple[str, float]]:
    """Ways to read a source: as a name of weight 1, then as a name with a weight."""
    name, sign, weight = source.rpartition("=")
    try:
        number = float(weight)
    except ValueError:
        return [(source, 1.0)]
    fits = sign and math.isfinite(number) and number > 0
    return [(source, 1.0), (name, number)] if fits else [(source, 1.0)]


def _describe_missing(source: str) -> str:
    name, _, weight = source.removeprefix(_LIST).rpartition("=")
    if storage.is_folder(source.removeprefix(_LIST)):
        return "a folder"
    if name == CHARSET or _find_files(name):
        return f"the weight {weight}, where a number above 0 belongs"
    return "no such file"


def _find_files(pattern: str) -> list[str]:
    if storage.exists(pattern) and not storage.is_folder(pattern):
        return [pattern]
    return [path for path in storage.find(pattern) if not storage.is_folder(path)]


def _check_encoding(encoding: str) -> None:
    try:
        fits = isinstance(b"".decode(encoding), str) and codecs.lookup(encoding)._is_text_encoding
    except (LookupError, ValueError):
        fits = False
    if not fits:
        raise UserError(
            "text encoding",
            received=repr(encoding),
            expected="a text encoding that Python knows, such as utf-8, gb18030 or big5",
            remedy="Set --text_encoding.",
        )
