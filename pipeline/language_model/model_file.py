"""Files of language models: a header of JSON, then the arrays of a trie, mapped into memory.

    bytes 0-15    the MAGIC
    bytes 16-23   length of the header in bytes, uint64
    bytes 24-27   CRC-32C of the header, uint32
    bytes 28-     the header; then the arrays, each at a multiple of 64 bytes from the start of the file

All numbers are little-endian. The header is a JSON object with `version`, `order`, `characters`,
`charset_sha256`, `normalize`, `quantized`, `marks`, `provenance` and `arrays`, for each array its `dtype`,
`length`, `offset` and `crc32c`.
"""

import dataclasses
import json
import mmap
import os
import struct
from collections.abc import Mapping
from typing import Any, NoReturn

import google_crc32c
import numpy as np

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.imaging.file_kinds import HEAD_BYTES, describe_file
from densenet_ocr.pipeline.language_model.ngrams import Vocabulary

MAGIC = b"densenet-ocr.lm\n"
VERSION = 1

_HEAD = struct.Struct("<QI")
_ALIGNMENT = 64
_MOST_HEADER_BYTES = 1 << 27
_MOST_OTHER_BYTES = 1 << 13
_DTYPES = ("<u1", "<u2", "<u4", "<f4")
_REMEDY = "Check --lm, or make the model again with ocr-language-model."


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """A language model as a file has it.

    Attributes:
      vocabulary: The tokens.
      arrays: The arrays of trie.pack; those of a file are read-only, and stay on disk until they are used.
      normalize: How the text was normalised, one of charset.NORMALIZATIONS.
      quantized: Whether logarithms take 8 bits.
      provenance: How the model was made.
      marks: Whether where texts begin and end is scored.
    """

    vocabulary: Vocabulary
    arrays: Mapping[str, np.ndarray]
    normalize: str
    quantized: bool
    provenance: dict[str, Any]
    marks: bool = True


def write_model(path: str, model: ModelFile) -> int:
    """Writes a model in one atomic step, and returns its size in bytes."""
    header, arrays = _make_header(model)
    with storage.atomic_file(path) as file:
        file.write(MAGIC + _HEAD.pack(len(header), google_crc32c.value(header)) + header)
        for array, offset in arrays:
            file.write(bytes(offset - file.tell()))
            file.write(array.tobytes())
        return file.tell()


def read_model(path: str) -> ModelFile:
    """Maps a model into memory; of a URL there is a local copy.

    Raises:
      UserError: the file cannot be read, is none of a language model, or is damaged.
    """
    data = _map_file(path)
    if data[: len(MAGIC)] != MAGIC:
        _refuse(
            path, describe_file(data[:HEAD_BYTES]), "a language model of ocr-language-model, or an ARPA file"
        )
    try:
        header = _parse_header(data)
        arrays = {name: _read_array(data, name, entry) for name, entry in header["arrays"].items()}
        vocabulary = Vocabulary(header["characters"])
        _check_arrays(arrays, header["order"], vocabulary)
        return ModelFile(
            vocabulary,
            arrays,
            header["normalize"],
            header["quantized"],
            dict(header["provenance"]),
            header["marks"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
        text = f"no {error}" if isinstance(error, KeyError) else str(error)
        _refuse(path, f"a damaged file ({text})", "a whole language model")


def bound_header(vocabulary: Vocabulary) -> int:
    """Returns about how many bytes of a file are none of arrays, or a few more."""
    return len(json.dumps(vocabulary.characters)) + _MOST_OTHER_BYTES


def _make_header(model: ModelFile) -> tuple[bytes, list[tuple[np.ndarray, int]]]:
    """The header, and the arrays with their places in the file."""
    arrays = {name: array.astype(array.dtype.newbyteorder("<")) for name, array in model.arrays.items()}
    entries = {name: _describe(array) for name, array in arrays.items()}
    header = {
        "version": VERSION,
        "order": sum(name.endswith(".probabilities") for name in arrays),
        "characters": model.vocabulary.characters,
        "charset_sha256": Charset(model.vocabulary.characters).sha256,
        "normalize": model.normalize,
        "quantized": model.quantized,
        "marks": model.marks,
        "provenance": model.provenance,
        "arrays": entries,
    }
    # The offsets are part of the header: this is longer than it will be.
    offset = _align(len(MAGIC) + _HEAD.size + len(json.dumps(header).encode()) + 20 * len(entries))
    for name, array in arrays.items():
        entries[name]["offset"] = offset
        offset = _align(offset + array.nbytes)
    places = [(array, entries[name]["offset"]) for name, array in arrays.items()]
    return json.dumps(header).encode(), places


def _describe(array: np.ndarray) -> dict[str, Any]:
    return {
        "dtype": f"<{array.dtype.kind}{array.dtype.itemsize}",
        "length": len(array),
        "offset": 0,
        "crc32c": f"{google_crc32c.value(array.tobytes()):08x}",
    }


def _align(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


def _map_file(path: str) -> mmap.mmap | bytes:
    try:
        # What is mapped stays, also after the copy of a URL is removed.
        with storage.local_copy(path) as local, storage.open_file(local) as file:
            is_empty = not os.fstat(file.fileno()).st_size
            return b"" if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        _refuse(path, error.strerror or str(error), "a file that can be read")


def _parse_header(data: mmap.mmap | bytes) -> dict[str, Any]:
    length, crc = _HEAD.unpack_from(data, len(MAGIC))
    start = len(MAGIC) + _HEAD.size
    header = data[start : start + min(length, _MOST_HEADER_BYTES)]
    if len(header) != length or google_crc32c.value(header) != crc:
        raise ValueError("the header does not match its checksum")
    parsed = json.loads(header)
    if parsed["version"] != VERSION:
        raise ValueError(f"version {parsed['version']} of the format; this release reads version {VERSION}")
    return parsed


def _read_array(data: mmap.mmap | bytes, name: str, entry: dict[str, Any]) -> np.ndarray:
    if entry["dtype"] not in _DTYPES:
        raise ValueError(f"{name} has the type {entry['dtype']}")
    dtype = np.dtype(entry["dtype"])
    if entry["offset"] + entry["length"] * dtype.itemsize > len(data):
        raise ValueError(f"{name} is cut off")
    array = np.frombuffer(data, dtype, entry["length"], entry["offset"])
    if f"{google_crc32c.value(array.tobytes()):08x}" != entry["crc32c"]:
        raise ValueError(f"{name} does not match its checksum")
    return array


def _check_arrays(arrays: Mapping[str, np.ndarray], order: int, vocabulary: Vocabulary) -> None:
    """Raises ValueError or KeyError where arrays are missing or do not belong together."""
    for number in range(1, order + 1):
        size = len(arrays[f"{number}.probabilities"])
        lengths = {"tokens": size} if number > 1 else {}
        lengths |= {"backoffs": size, "starts": size + 1} if number < order else {}
        if any(len(arrays[f"{number}.{name}"]) != length for name, length in lengths.items()):
            raise ValueError(f"the arrays of order {number} differ in length")
    if len(arrays["1.probabilities"]) != vocabulary.size:
        raise ValueError("the characters do not match order 1")


def _refuse(path: str, received: str, expected: str) -> NoReturn:
    raise UserError(f"language model {path}", received=received, expected=expected, remedy=_REMEDY)
