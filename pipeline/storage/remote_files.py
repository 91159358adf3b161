"""Files behind URLs as file objects: read by ranges, written by way of the temporary folder."""

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage import local_files
from densenet_ocr.pipeline.storage.file_system import find_reader, find_system

# One request brings so much: at 20 ms a request, 50 MB/s.
_BUFFER_BYTES = 1 << 20


def open_ranges(url: str) -> BinaryIO:
    """Opens a file for reading from any position, by ranges of at least _BUFFER_BYTES."""
    return cast(BinaryIO, io.BufferedReader(_Ranges(url), _BUFFER_BYTES))


@contextlib.contextmanager
def spooled_file(url: str) -> Iterator[BinaryIO]:
    """Opens a local temporary file, which is put under its URL in one step when the block succeeds.

    Raises:
      UserError: the temporary folder is full, or the file cannot be put.
    """
    subject = f"temporary file in {tempfile.gettempdir()} for {url}"
    remedy = "Free space, or set TMPDIR to a folder of another disk."
    with contextlib.ExitStack() as stack:
        with local_files.explained(subject, expected="space for the file", remedy=remedy):
            file = stack.enter_context(tempfile.NamedTemporaryFile(buffering=1 << 20, prefix="densenet-ocr-"))
            yield cast(BinaryIO, file)
            file.flush()
        find_system(url).put(url, file.name)


class _Ranges(io.RawIOBase):
    """A file behind a URL that is read by ranges."""

    def __init__(self, url: str):
        self.name = url
        self._reader = find_reader(url)
        self._size = self._reader.size(url)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        data = self._reader.read_range(self.name, self._position, wanted)
        if len(data) != wanted:
            raise UserError(
                f"file {self.name}",
                received=f"{len(data):,} bytes from byte {self._position:,}",
                expected=f"{wanted:,}, as long as it was when it was opened",
                remedy="Do not change a file that is being read; run the command again.",
            )
        buffer[:wanted] = data
        self._position += wanted
        return wanted
