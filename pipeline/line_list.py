"""Files of rows: where rows start, and their paths. pipeline.lists says what rows mean.

CRLF, byte order marks, backslashes, blanks around a row and blank rows are accepted.
"""

import codecs
import errno
import hashlib
import mmap
import os
import re
import urllib.parse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.imaging.file_kinds import HEAD_BYTES, TEXTS, describe_file

ENCODING = "utf-8"
BLANKS = b" \t\r\n"
# bytes.split() would also split at form feeds and vertical tabs.
_BLANKS_TO_SPACES = bytes.maketrans(BLANKS, b" " * len(BLANKS))
# A path that normpath may change: a backslash, a double slash, a part with a leading dot, a final slash; or an
# absolute one.
_ODD_PATH = re.compile(rb"\\|//|(^|/)\.|/$|^/")
_SCAN_BYTES = 16 << 20


class Line(NamedTuple):
    """One row: the path as written in the list, and the label's class ids."""

    key: str
    label: list[int]


class LineList:
    """Random access to the rows of a list file, which stays on disk (mmap); of a URL there is a local copy.

    Raises:
      UserError: the file cannot be read, or is not text.
    """

    def __init__(self, path: str):
        self.path = path
        self._bytes = _map_file(path)

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns byte offsets and 1-based line numbers, int64 [N] each, of the rows that are not blank."""
        size = len(self._bytes)
        offsets, lines, first_line = [], [], 1
        start = len(codecs.BOM_UTF8) if self._bytes[:3] == codecs.BOM_UTF8 else 0
        while start < size:
            end = self._bytes.find(b"\n", start + _SCAN_BYTES) + 1 or size
            block_offsets, block_lines, count = _scan_block(self._bytes[start:end])
            offsets.append(block_offsets + start)
            lines.append(block_lines + first_line)
            start, first_line = end, first_line + count
        empty = np.zeros(0, np.int64)
        return np.concatenate([empty, *offsets]), np.concatenate([empty, *lines])

    def row_at(self, offset: int) -> bytes:
        """Returns the row that starts at a byte offset, without its line ending.

        A row may begin with a byte order mark, where lists were joined.
        """
        end = self._bytes.find(b"\n", offset)
        row = self._bytes[offset : end if end >= 0 else len(self._bytes)].rstrip(b"\r")
        return row.removeprefix(codecs.BOM_UTF8)

    def search(self, pattern: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
        """Yields the matches of a regular expression in the file."""
        return pattern.finditer(self._bytes)

    def sha256(self) -> str:
        """Returns the SHA-256 of the file as hexadecimal digits."""
        return hashlib.sha256(self._bytes).hexdigest()


def split_row(row: bytes) -> tuple[bytes, bytes | None, list[bytes]]:
    """Splits a row into path, text (None in a row of ids) and ids, without any check."""
    row = row.lstrip(BLANKS).rstrip(b"\r\n")
    path, *ids = [word for word in row.translate(_BLANKS_TO_SPACES).split(b" ") if word] or [b""]
    if b"\t" in row and (b"\t" in row.rstrip(BLANKS) or not ids):
        # The text is all that follows the tab, because its blanks may be characters.
        path, _, text = row.partition(b"\t")
        return path.rstrip(BLANKS), text, []
    return path, None, ids


def find_path(row: bytes) -> bytes:
    """Returns the path of a row as `split_row` finds it, in a third of the time."""
    row = row.lstrip(BLANKS)
    path, tab, text = row.partition(b"\t")
    if tab and text.strip(BLANKS):
        return path.rstrip(BLANKS)
    return split_row(row)[0] if tab or b"\r" in row else path.partition(b" ")[0]


def normalise_path(path: bytes, root: str = "", encoding: str = ENCODING) -> bytes:
    """Returns what identifies a path's file below an image root: equal bytes for all spellings of one path.

    Args:
      path: The path as the list has it, such as a/b.png, a\\b.png, ./a//b.png or ROOT/a/b.png.
      root: The absolute image root, or its URL.
      encoding: The encoding of the path.
    """
    if not _ODD_PATH.search(path):
        return path
    try:
        name = _normalise_name(path.decode(encoding).replace("\\", "/"), root)
    except UnicodeDecodeError:
        return path  # the row is refused later
    return name.removeprefix(os.path.join(root, "") if root else "").encode(encoding)


def hash_path(path: bytes, seed: int = 0) -> bytes:
    """Returns a 16-byte hash of a path, as `normalise_path` gives it, that depends on the seed."""
    salt = seed.to_bytes(hashlib.blake2b.SALT_SIZE, "little")
    return hashlib.blake2b(path, digest_size=16, salt=salt).digest()


def check_list_encoding(encoding: str) -> str:
    """Returns the encoding; raises UserError unless Python knows it and it contains ASCII."""
    ascii_bytes = bytes(range(128)) + rb".xn--a \x41 \u0041"  # idna and the escape codecs change these
    try:
        fits = ascii_bytes.decode(encoding) == ascii_bytes.decode("ascii")
    except (LookupError, ValueError):
        fits = False
    if not fits:
        raise UserError(
            "list encoding",
            received=repr(encoding),
            expected="a text encoding that Python knows and that holds ASCII, such as utf-8, gbk or big5",
            remedy="Set --list_encoding, or convert the list to UTF-8 with iconv.",
        )
    return encoding


def resolve_path(key: str, root: str) -> str:
    """Returns the path of a key's file below an image root, which is absolute or a URL.

    Backslashes count as slashes. Below an http(s) URL, what a URL cannot have is written as %XX.

    Raises:
      Refused: `outside_root`; the file is not below the root.
    """
    if storage.is_url(root):
        return _resolve_url(key, root)
    if "//" not in key and "/." not in key and "\\" not in key and key[:1] not in "./" and key[-1] != "/":
        return f"{root.rstrip('/')}/{key}"  # the same as below in a tenth of the time
    path = os.path.normpath(os.path.join(root, key.replace("\\", "/")))
    if not path.startswith(os.path.join(root, "")):
        raise Refused("outside_root", f"{key!r} leads out of the image root {root!r}")
    return path


def _normalise_name(name: str, root: str) -> str:
    # Below a local root, s3://a/b is a strange name of a local file.
    return storage.normalise(name) if storage.is_url(root) else os.path.normpath(name)


def _resolve_url(key: str, root: str) -> str:
    name = _normalise_name(key.replace("\\", "/"), root).removeprefix(f"{root}/")
    if storage.is_url(name) or name == "." or name.startswith("/") or name.split("/", 1)[0] == "..":
        raise Refused("outside_root", f"{key!r} leads out of the image root {root!r}")
    if not storage.is_web(root):
        return storage.join(root, name)
    name = urllib.parse.unquote(name) if storage.is_url(key) else name
    return storage.join(root, urllib.parse.quote(name, errors="surrogatepass"))


def encode_text(text: str, charset: Charset) -> list[int]:
    """Returns the class ids of a text; raises Refused for characters that the charset lacks."""
    text = charset.normalise(text)
    # Blanks at the end belong to the label if the charset has them, else to the list.
    while text and text[-1] in " \t" and text[-1] not in charset:
        text = text[:-1]
    return charset.encode(text)


def decode_text(data: bytes, encoding: str) -> str:
    """Decodes bytes of a list; raises Refused (`bad_encoding`)."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        where = f"{error.reason} at byte {error.start} of {data!r}"
        raise Refused("bad_encoding", f"not {encoding}: {where}") from None


def _map_file(path: str) -> mmap.mmap | bytes:
    """Returns the bytes of a text file, mapped into memory."""
    _check_regular(path)
    try:
        # What is mapped stays, also after the copy of a URL is removed.
        with storage.local_copy(path) as local, open(local, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.path.getsize(local) else b""
    except UserError:
        raise
    except OSError as error:
        raise UserError(
            f"list {path}",
            received=error.strerror or str(error),
            expected="a readable list file",
            remedy="Join lists with cat, or raise the limit (ulimit -n)."
            if error.errno in (errno.EMFILE, errno.ENFILE)
            else "Check --list and its permissions.",
        ) from None
    _check_kind(path, data[:HEAD_BYTES])
    return data


def _check_kind(path: str, head: bytes) -> None:
    """Raises UserError for a file that begins like something else than a text or JSON."""
    kind = describe_file(head)
    if kind not in TEXTS:
        raise UserError(
            f"list {path}",
            received=kind,
            expected="a text file with one row per line image",
            remedy="Convert the file, for example with iconv -f UTF-16 -t UTF-8."
            if head[:2] in (b"\xff\xfe", b"\xfe\xff")
            else "Cut its lines out into images, and list them with their texts."
            if "XML" in kind
            else "Check that --list names the list, not an image or an archive.",
        )


def _check_regular(path: str) -> None:
    """Raises UserError for a pipe or a device, which has no random access and may block."""
    if storage.is_special(path) and path != os.devnull:
        raise UserError(
            f"list {path}",
            received="a pipe or a device",
            expected="a regular file",
            remedy="Write the list to a file first.",
        )


def _scan_block(block: bytes) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns offsets and 0-based numbers, int64 [N], of rows that are not blank, and the count of all rows."""
    data = np.frombuffer(block, np.uint8)
    starts = np.concatenate([[0], np.flatnonzero(data == ord("\n")) + 1])
    starts = starts[starts < len(data)]
    filled = np.logical_or.reduceat(~np.isin(data, np.frombuffer(BLANKS, np.uint8)), starts)
    numbers = np.flatnonzero(filled)
    return starts[numbers], numbers, len(starts)
