"""A row of a list -> a line's path and class ids, or a refusal.

A row with a tab is `path<TAB>text`; any other is `path id id id ...`, ids being charset rows (characters are
1-based). Lists from anywhere are taken: CRLF, a byte order mark, backslashes, blanks around a row, blank rows.
"""

import contextlib
import errno
import hashlib
import mmap
import os
import re
from typing import NamedTuple

import numpy as np

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused, UserError

ENCODING = "utf-8"
BLANKS = b" \t\r\n"
# bytes.split() would also part words at form feeds and vertical tabs.
_BLANKS_TO_SPACES = bytes.maketrans(BLANKS, b" " * len(BLANKS))
# What a path with another spelling holds: a backslash, a doubled slash, a part that starts with a dot, an end.
_ODD_PATH = re.compile(rb"\\|//|(^|/)\.|/$")
_SCAN_BYTES = 16 << 20

# How files of images begin; BMP's two letters, which may begin a path, count with the zeros that follow them.
_IMAGES = re.compile(
    rb"(?P<JPEG>\xff\xd8\xff)|(?P<PNG>\x89PNG\r\n)|(?P<GIF>GIF8[79]a)|(?P<TIFF>II\*\0|MM\0\*)"
    rb"|(?P<WEBP>RIFF....WEBP)|(?P<BMP>BM....\0\0\0\0)|(?P<JPEG2000>\0\0\0\x0cjP  )",
    re.DOTALL,
)
# Control characters but blanks, form feeds and those that encodings shift with (ESC, SO, SI): a text begins
# with next to none, of compressed bytes they are a tenth, of UTF-16 half.
_CONTROLS = bytes(sorted({*range(32)} - {*b"\t\n\v\f\r\x1b\x0e\x0f"}))
_LOOK_BYTES, _MOST_CONTROLS, _MOST_CONTROLS_SHARE = 4096, 8, 0.05


class Line(NamedTuple):
    """One row: the path as the list has it, and the label's class ids."""

    key: str
    label: list[int]


class LineList:
    """A list file by its rows, without holding them: each row is read where the file has it."""

    def __init__(self, path: str):
        """Opens a local list file; raises UserError where it cannot be read or is no text."""
        self.path = path
        self._bytes = _map_file(path)

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """Byte offset (int64) and 1-based line number (int64) of every row that is not blank."""
        size = len(self._bytes)
        offsets, lines, first_line, start = [], [], 1, _skip_byte_order_mark(self._bytes)
        while start < size:
            end = _end_of_block(self._bytes, start, size)
            block_offsets, block_lines, count = _scan_block(self._bytes[start:end])
            offsets.append(block_offsets + start)
            lines.append(block_lines + first_line)
            start, first_line = end, first_line + count
        empty = np.zeros(0, np.int64)
        return np.concatenate([empty, *offsets]), np.concatenate([empty, *lines])

    def row_at(self, offset: int) -> bytes:
        """The row that starts at a byte offset, without its line ending."""
        end = self._bytes.find(b"\n", offset)
        return self._bytes[offset : end if end >= 0 else len(self._bytes)].rstrip(b"\r")

    def sha256(self) -> str:
        """A hash of the whole file."""
        return hashlib.sha256(self._bytes).hexdigest()


def split_row(row: bytes) -> tuple[bytes, bytes | None, list[bytes]]:
    """Path, text (None in a row of ids) and ids of a row, before anything is checked."""
    row = row.lstrip(BLANKS).rstrip(b"\r\n")
    path, *ids = [word for word in row.translate(_BLANKS_TO_SPACES).split(b" ") if word]
    if b"\t" in row and (b"\t" in row.rstrip(BLANKS) or not ids):
        # The text is all that follows the tab: its own blanks may be characters.
        path, _, text = row.partition(b"\t")
        return path.rstrip(BLANKS), text, []
    return path, None, ids


def parse_row(row: bytes, charset: Charset, encoding: str = ENCODING) -> Line:
    """The line that a row describes, its bytes being text in `encoding`; raises Refused."""
    _, text, ids = split_row(row)
    key = parse_path(row, encoding)
    label = charset.encode_rows(ids) if text is None else encode_text(decode_text(text, encoding), charset)
    if not label:
        raise Refused("no_label", "nothing follows the path")
    return Line(key, label)


def parse_path(row: bytes, encoding: str = ENCODING) -> str:
    """The path of a row, whatever follows it, if anything does; raises Refused."""
    key = decode_text(split_row(row)[0], encoding)
    if "\0" in key:
        raise Refused("bad_path", f"path {key!r} holds a NUL character")
    return key


def hash_path(row: bytes, seed: int = 0, encoding: str = ENCODING) -> bytes:
    """16 bytes that tell a row's path from every other path, others for every seed.

    Two spellings of one path (a/b, a\\b, ./a//b) have one hash, for they lead to one file.
    """
    path = split_row(row)[0]
    if _ODD_PATH.search(path):
        with contextlib.suppress(UnicodeDecodeError):  # such a row is refused later on
            path = os.path.normpath(path.decode(encoding).replace("\\", "/")).encode(encoding)
    salt = seed.to_bytes(hashlib.blake2b.SALT_SIZE, "little")
    return hashlib.blake2b(path, digest_size=16, salt=salt).digest()


def check_list_encoding(encoding: str) -> str:
    """Returns the encoding; raises UserError for one in which blanks and digits are not those of ASCII."""
    ascii_bytes = bytes(range(128)) + rb".xn--a \x41 \u0041"  # which idna and the two of escapes would change
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
    """The file of a key below an absolute image root, backslashes read as slashes; raises Refused."""
    if "//" not in key and "/." not in key and "\\" not in key and key[:1] not in "./" and key[-1] != "/":
        return f"{root.rstrip('/')}/{key}"  # what the lines below come to, in a tenth of the time
    path = os.path.normpath(os.path.join(root, key.replace("\\", "/")))
    if not path.startswith(os.path.join(root, "")):
        raise Refused("outside_root", f"{key!r} leads out of the image root {root!r}")
    return path


def encode_text(text: str, charset: Charset) -> list[int]:
    """Class ids of a text; raises Refused for characters that the charset lacks."""
    # Blanks at the end are the list's where the charset has no such character, the line's where it has.
    while text and text[-1] in " \t" and text[-1] not in charset:
        text = text[:-1]
    return charset.encode(text)


def decode_text(data: bytes, encoding: str) -> str:
    """The text of bytes of a list; raises Refused."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        where = f"{error.reason} at byte {error.start} of {data!r}"
        raise Refused("bad_encoding", f"not {encoding}: {where}") from None


def _map_file(path: str) -> mmap.mmap | bytes:
    path = storage.local_path(path)
    _check_regular(path)
    try:
        with open(path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.path.getsize(path) else b""
    except OSError as error:
        raise UserError(
            f"list {path}",
            received=error.strerror or str(error),
            expected="a list file that can be read",
            remedy="Join lists with cat, or raise the limit (ulimit -n)."
            if error.errno in (errno.EMFILE, errno.ENFILE)
            else "Check --list and its permissions.",
        ) from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise UserError(
            f"list {path}",
            received="UTF-16 (by its byte order mark)",
            expected="UTF-8",
            remedy="Convert the file, for example with iconv -f UTF-16 -t UTF-8.",
        )
    _check_text(path, data[:_LOOK_BYTES])
    return data


def _check_text(path: str, head: bytes) -> None:
    """Raises UserError where a file begins as an image or another binary file does."""
    image, count = _IMAGES.match(head), len(head) - len(head.translate(None, _CONTROLS))
    if image or (count > _MOST_CONTROLS and count > _MOST_CONTROLS_SHARE * len(head)):
        raise UserError(
            f"list {path}",
            received=f"an image ({image.lastgroup})"
            if image
            else f"no text ({count} control characters in its first {len(head)} bytes)",
            expected="a text file, a row a line image",
            remedy="Check that --list names the list, not an image or an archive.",
        )


def _check_regular(path: str) -> None:
    """A pipe would be waited for, and has no places to read rows at."""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path) and path != os.devnull:
        raise UserError(
            f"list {path}",
            received="a pipe or a device",
            expected="a regular file",
            remedy="Write the list to a file first.",
        )


def _skip_byte_order_mark(data: mmap.mmap | bytes) -> int:
    return 3 if data[:3] == b"\xef\xbb\xbf" else 0


def _end_of_block(data: mmap.mmap | bytes, start: int, size: int) -> int:
    if start + _SCAN_BYTES >= size:
        return size
    newline = data.find(b"\n", start + _SCAN_BYTES)
    return newline + 1 if newline >= 0 else size


def _scan_block(block: bytes) -> tuple[np.ndarray, np.ndarray, int]:
    """Offsets and 0-based numbers of a block's rows that are not blank, and the count of all its rows."""
    data = np.frombuffer(block, np.uint8)
    starts = np.concatenate([[0], np.flatnonzero(data == ord("\n")) + 1])
    starts = starts[starts < len(data)]
    filled = np.logical_or.reduceat(~np.isin(data, np.frombuffer(BLANKS, np.uint8)), starts)
    numbers = np.flatnonzero(filled)
    return starts[numbers], numbers, len(starts)
