"""Reads and writes TFRecord files without TensorFlow.

A record is its length (uint64), a checksum of the length, its bytes and a checksum of those, little-endian. A
checksum is a "masked" CRC-32C, rotated and offset: tensorflow/core/lib/io/record_writer.h.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, cast

import google_crc32c

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError

_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")


class RecordWriter:
    """Writes records to an open binary file, and counts records, bytes and their checksum.

    Args:
      file: A file opened for writing bytes; the caller closes it.

    Attributes:
      records: Number of records written.
      bytes: Number of bytes written.
    """

    def __init__(self, file: BinaryIO):
        _check_speed()
        self._file = file
        self.records = 0
        self.bytes = 0
        self._crc = 0

    @property
    def crc32c(self) -> str:
        """CRC-32C of all bytes written, eight hexadecimal digits."""
        return f"{self._crc:08x}"

    def write(self, record: bytes) -> None:
        """Appends one record."""
        length = _LENGTH.pack(len(record))
        framed = b"".join((length, _masked_crc(length), record, _masked_crc(record)))
        self._file.write(framed)
        self._crc = google_crc32c.extend(self._crc, framed)
        self.records += 1
        self.bytes += len(framed)


def read_records(path: str) -> Iterator[bytes]:
    """Yields the records of a shard; raises ValueError if a checksum does not match."""
    with _open(path, buffering=1 << 20) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        while head := file.read(_LENGTH.size + _CHECKSUM.size):
            length, checksum = head[: _LENGTH.size], head[_LENGTH.size :]
            if _masked_crc(length) != checksum:
                raise ValueError(f"the length at byte {file.tell() - len(head)} does not match its checksum")
            record = file.read(min(*_LENGTH.unpack(length), size))  # a false length takes no memory
            if _masked_crc(record) != file.read(_CHECKSUM.size):
                raise ValueError(f"the record that ends at byte {file.tell()} does not match its checksum")
            yield record


def hash_file(path: str) -> str:
    """Returns the CRC-32C of a file, eight hexadecimal digits, as RecordWriter.crc32c."""
    _check_speed()
    crc = 0
    with _open(path, buffering=0) as file:
        while block := file.read(1 << 20):
            crc = google_crc32c.extend(crc, block)
    return f"{crc:08x}"


def _open(path: str, buffering: int) -> BinaryIO:
    if storage.is_url(path):
        return storage.open_file(path)
    return cast(BinaryIO, open(path, "rb", buffering=buffering, opener=storage.open_regular))


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return _CHECKSUM.pack((((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _check_speed() -> None:
    if google_crc32c.implementation != "c":
        raise UserError(
            "google-crc32c",
            received=f"its {google_crc32c.implementation!r} implementation",
            expected="its C implementation; pure Python is a thousand times slower",
            remedy="Install a wheel: pip install --only-binary=:all: --force-reinstall google-crc32c.",
        )
