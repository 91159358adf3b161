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
_PART = 1 << 22  # characters
_READ_BYTES = 1 << 20


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
        if self.is_list:
            return LineList(self.path).sha256()
        sha256 = hashlib.sha256()
        for block in _read_blocks(self.path):
            sha256.update(block)
        return sha256.hexdigest()

    def _read_text(self) -> Iterator[str]:
        """Yields the text in parts; one row may be longer than a part."""
        parts: list[str] = []
        size = 0
        for text in _drop_byte_order_mark(self._decode()):
            end = text.rfind("\n") + 1
            if end and size + end > _PART:
                yield "".join([*parts, text[:end]])
                parts, size, text = [], 0, text[end:]
            parts.append(text)
            size += len(text)
        if size:
            yield "".join(parts)

    def _decode(self) -> Iterator[str]:
        decoder, start, rows = codecs.getincrementaldecoder(self.encoding)(), 0, 0
        try:
            for block in _read_blocks(self.path):
                yield decoder.decode(block)
                start, rows = start + len(block), rows + block.count(b"\n")
            block = b""
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            # A decoder keeps back the first bytes of a character: these precede the block.
            kept = len(error.object) - len(block)
            line = rows + error.object.count(b"\n", kept, error.start) + 1
            raise UserError(
                f"text {self.path}:{line}",
                received=f"bytes that are not {self.encoding} "
                f"({error.reason} at byte {start - kept + error.start})",
                expected=self.encoding,
                remedy="Set --text_encoding, or convert the file, for example with iconv -t UTF-8.",
            ) from None

    def _read_list(self, charset: Charset) -> Iterator[str]:
        config = ListConfig(list_encoding=self.encoding, list_format=self.list_format)
        list_format = find_format(self.path, config, charset)
        entries = open_list(self.path, list_format, encoding=self.encoding, image_root=os.getcwd())
        texts: list[str] = []
        size = 0
        for offset, line in zip(*(numbers.tolist() for numbers in entries.scan()), strict=True):
            texts.append(self._parse(entries, offset, line, charset))
            size += len(texts[-1]) + 1
            if size > _PART:
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


def _read_blocks(path: str) -> Iterator[bytes]:
    try:
        with storage.open_file(path) as file:
            while block := file.read(_READ_BYTES):
                yield block
    except OSError as error:
        raise UserError(
            f"text {path}",
            received=error.strerror or str(error),
            expected="a file that can be read",
            remedy="Check --text.",
        ) from None


def _drop_byte_order_mark(texts: Iterator[str]) -> Iterator[str]:
    is_first = True
    for text in texts:
        yield text.removeprefix("\ufeff") if is_first else text
        is_first = is_first and not text


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
