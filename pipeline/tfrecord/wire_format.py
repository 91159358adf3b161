"""The wire format of protocol buffers, as far as a tf.train.Example needs it, without TensorFlow.

A field is the byte number << 3 | 2, its length and its bytes. Numbers: Example.features 1, Features.feature 1
(a map: key 1, value 2), Feature.bytes_list 1, .int64_list 3, their value 1. The bytes before a value depend on
its name and length only, so they are cached. Source: https://protobuf.dev/programming-guides/encoding/
"""

import functools
from collections.abc import Iterator


def head(number: int, length: int) -> bytes:
    """Returns the bytes before a field's payload of `length` bytes."""
    return bytes((number << 3 | 2,)) + varint(length)


@functools.lru_cache(maxsize=1 << 16)
def _entry_head(name: str, kind: int, length: int) -> bytes:
    """Returns the bytes of a map entry before its one value of `length` bytes."""
    value = head(1, length)
    values = head(kind, len(value) + length) + value
    feature = _field(1, name.encode()) + head(2, len(values) + length) + values
    return head(1, len(feature) + length) + feature


def bytes_head(name: str, length: int) -> bytes:
    """Returns the bytes of a feature before its one value of `length` bytes."""
    return _entry_head(name, 1, length)


def ints_head(name: str, length: int) -> bytes:
    """Returns the bytes of a feature before its integers, `length` bytes of varints."""
    if not length:
        return _field(1, _field(1, name.encode()) + _field(2, _field(3, b"")))
    return _entry_head(name, 3, length)


@functools.lru_cache(maxsize=1 << 12)
def int_entry(name: str, value: int) -> bytes:
    """Returns the bytes of a feature with one integer."""
    packed = varint(value)
    return ints_head(name, len(packed)) + packed


def _field(number: int, payload: bytes) -> bytes:
    return head(number, len(payload)) + payload


@functools.lru_cache(maxsize=1 << 16)
def varint(value: int) -> bytes:
    """Returns the bytes of a number that is not negative."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_fields(data: memoryview | bytes) -> Iterator[tuple[int, memoryview]]:
    """Yields numbers and payloads of a message's fields; raises ValueError unless all are of wire type 2."""
    data, at = memoryview(data), 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        length, at = _read_varint(data, at)
        if tag & 7 != 2 or at + length > len(data):
            raise ValueError("not a record: its fields do not fit its length")
        yield tag >> 3, data[at : at + length]
        at += length


def read_varints(data: memoryview) -> list[int]:
    """Returns the numbers that follow each other; raises ValueError unless the last one ends."""
    values, at = [], 0
    while at < len(data):
        value, at = _read_varint(data, at)
        values.append(value)
    return values


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("not a record: a number does not end")
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
