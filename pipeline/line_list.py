"""A row of a list -> a line's path and class ids, or a refusal.

A row with a tab is `path<TAB>text`; any other row is `path id id id ...`, where ids are charset rows (1-based).
CRLF, a byte order mark, backslashes, blanks around a row and blank rows are accepted.
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
# bytes.split() would also split at form feeds and vertical tabs.
_BLANKS_TO_SPACES = bytes.maketrans(BLANKS, b" " * len(BLANKS))
# A path that normpath may change: a backslash, a double slash, a part with a leading dot, a final slash.
_ODD_PATH = re.compile(rb"\\|//|(^|/)\.|/$")
_SCAN_BYTES = 16 << 20

# Magic numbers of image files; a path may begin with BMP's two letters, so the zeros after them count too.
_IMAGES = re.compile(
    rb"(?P<JPEG>\xff\xd8\xff)|(?P<PNG>\x89PNG\r\n)|(?P<GIF>GIF8[79]a)|(?P<TIFF>II\*\0|MM\0\*)"
    rb"|(?P<WEBP>RIFF....WEBP)|(?P<BMP>BM....\0\0\0\0)|(?P<JPEG2000>\0\0\0\x0cjP  )",
    re.DOTALL,
)
# Control characters except blanks, form feeds and the shifts of encodings (ESC, SO, SI): rare in a text, a
# tenth of compressed bytes, half of UTF-16.
_CONTROLS = bytes(sorted({*range(32)} - {*b"\t\n\v\f\r\x1b\x0e\x0f"}))
_HEAD_BYTES, _MAX_CONTROLS, _MAX_CONTROLS_SHARE = 4096, 8, 0.05


class Line(NamedTuple):
    """One row: the path as written in the list, and the label's class ids."""

    key: str
    label: list[int]


class LineList:
    """Random access to the rows of a list file, which stays on disk (mmap).

    Raises:
      UserError: the file is not local, cannot be read, or is not text.
    """

    def __init__(self, path: str):
        self.path = path
        self._bytes = _map_file(path)

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns byte offsets and 1-based line numbers, int64 [N] each, of the rows that are not blank."""
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
        """Returns the row that starts at a byte offset, without its line ending."""
        end = self._bytes.find(b"\n", offset)
        return self._bytes[offset : end if end >= 0 else len(self._bytes)].rstrip(b"\r")

    def sha256(self) -> str:
        """Returns the SHA-256 of the file as hexadecimal digits."""
        return hashlib.sha256(self._bytes).hexdigest()


def split_row(row: bytes) -> tuple[bytes, bytes | None, list[bytes]]:
    """Splits a row into path, text (None in a row of ids) and ids, without any check."""
    row = row.lstrip(BLANKS).rstrip(b"\r\n")
    path, *ids = [word for word in row.translate(_BLANKS_TO_SPACES).split(b" ") if word]
    if b"\t" in row and (b"\t" in row.rstrip(BLANKS) or not ids):
        # The text is all that follows the tab, because its blanks may be characters.
        path, _, text = row.partition(b"\t")
        return path.rstrip(BLANKS), text, []
    return path, None, ids


def parse_row(row: bytes, charset: Charset, encoding: str = ENCODING) -> Line:
    """Parses a row of a list.

    Args:
      row: The bytes of the row, as `LineList.row_at` gives them.
      charset: Characters of the classes.
      encoding: Python's name of the list's encoding.

    Returns:
      The line's path and class ids.

    Raises:
      Refused: `bad_path`, `bad_encoding`, `bad_id`, `unknown_character` or `no_label`.
    """
    _, text, ids = split_row(row)
    key = parse_path(row, encoding)
    label = charset.encode_rows(ids) if text is None else encode_text(decode_text(text, encoding), charset)
    if not label:
        raise Refused("no_label", "nothing follows the path")
    return Line(key, label)


def parse_path(row: bytes, encoding: str = ENCODING) -> str:
    """Returns the path of a row; raises Refused as `parse_row` does, without a look at the label."""
    key = decode_text(split_row(row)[0], encoding)
    if "\0" in key:
        raise Refused("bad_path", f"path {key!r} holds a NUL character")
    return key


def hash_path(row: bytes, seed: int = 0, encoding: str = ENCODING) -> bytes:
    """Returns a 16-byte hash of a row's path that depends on the seed.

    Spellings of one path (a/b, a\\b, ./a//b) share a hash, because they name one file.
    """
    path = split_row(row)[0]
    if _ODD_PATH.search(path):
        with contextlib.suppress(UnicodeDecodeError):  # the row is refused later
            path = os.path.normpath(path.decode(encoding).replace("\\", "/")).encode(encoding)
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
    """Returns the path of a key's file below an absolute image root; backslashes count as slashes.

    Raises:
      Refused: `outside_root`; the file is not below the root.
    """
    if "//" not in key and "/." not in key and "\\" not in key and key[:1] not in "./" and key[-1] != "/":
        return f"{root.rstrip('/')}/{key}"  # the same as below in a tenth of the time
    path = os.path.normpath(os.path.join(root, key.replace("\\", "/")))
    if not path.startswith(os.path.join(root, "")):
        raise Refused("outside_root", f"{key!r} leads out of the image root {root!r}")
    return path


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
    """Returns the bytes of a local text file, mapped into memory."""
    path = storage.local_path(path)
    _check_regular(path)
    try:
        with open(path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.path.getsize(path) else b""
    except OSError as error:
        raise UserError(
            f"list {path}",
            received=error.strerror or str(error),
            expected="a readable list file",
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
    _check_text(path, data[:_HEAD_BYTES])
    return data


def _check_text(path: str, head: bytes) -> None:
    """Raises UserError for a file that begins like an image or another binary file."""
    image, count = _IMAGES.match(head), len(head) - len(head.translate(None, _CONTROLS))
    if image or (count > _MAX_CONTROLS and count > _MAX_CONTROLS_SHARE * len(head)):
        raise UserError(
            f"list {path}",
            received=f"an image ({image.lastgroup})"
            if image
            else f"a binary file ({count} control characters in its first {len(head)} bytes)",
            expected="a text file with one row per line image",
            remedy="Check that --list names the list, not an image or an archive.",
        )


def _check_regular(path: str) -> None:
    """Raises UserError for a pipe or a device, which has no random access and may block."""
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
    """Returns offsets and 0-based numbers, int64 [N], of rows that are not blank, and the count of all rows."""
    data = np.frombuffer(block, np.uint8)
    starts = np.concatenate([[0], np.flatnonzero(data == ord("\n")) + 1])
    starts = starts[starts < len(data)]
    filled = np.logical_or.reduceat(~np.isin(data, np.frombuffer(BLANKS, np.uint8)), starts)
    numbers = np.flatnonzero(filled)
    return starts[numbers], numbers, len(starts)
