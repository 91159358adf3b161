"""A JSON document that is a list: docTR's {"path": "text"}, an array of objects, or MMOCR's data_list."""

import hashlib
import json
from typing import Any

import numpy as np

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.lists.objects import Columns, find_columns
from densenet_ocr.pipeline.lists.rows import Entry, make_entry


class JsonDocument:
    """Entries by their number from 1, which messages show in place of a line; see list_file.ListFile.

    Raises:
      UserError: the file is not JSON, or no list of lines.
    """

    path_encoding = "utf-8"  # that of JSON (RFC 8259)

    def __init__(self, path: str, columns: Columns):
        data, subject = storage.read_bytes(path), f"list {path}"
        self._sha256 = hashlib.sha256(data).hexdigest()
        self._entries = _list_entries(_load(subject, data))
        names = {name: 0 for entry in self._entries for name in _make_dict(entry) or ()}
        self._columns = find_columns(subject, names, columns) if names else Columns("", "")

    def scan(self) -> tuple[np.ndarray, np.ndarray]:
        """See ListFile."""
        numbers = np.arange(1, len(self._entries) + 1)
        return numbers, numbers

    def find_path(self, offset: int) -> bytes:
        """See ListFile."""
        try:
            return self.parse(offset).path.encode(self.path_encoding)
        except Refused:
            return self.show(offset).encode(self.path_encoding, "backslashreplace")

    find_line = find_path

    def parse(self, offset: int) -> Entry:
        """See ListFile."""
        entry = self._entries[offset - 1]
        values = _make_dict(entry)
        if values is not None:
            return make_entry(*self._columns.pick(values))
        if _is_pair(entry) and isinstance(entry[1], str):
            return make_entry(*entry)
        raise Refused("bad_row", f"not one path with one text, but {self.show(offset)[:80]}")

    def show(self, offset: int) -> str:
        """See ListFile."""
        return json.dumps(self._entries[offset - 1], ensure_ascii=False)

    def sha256(self) -> str:
        """See ListFile."""
        return self._sha256


def _load(subject: str, data: bytes) -> Any:
    """Returns the document with objects as tuples of pairs, in which repeated keys remain."""
    try:
        document = json.loads(data.decode("utf-8-sig"), object_pairs_hook=tuple)
        if isinstance(document, list | tuple):
            return document
        error: object = "neither an object nor an array"
    except (ValueError, RecursionError) as broken:
        error = broken
    raise UserError(
        subject,
        received=f"JSON that cannot be used: {error}",
        expected='a JSON document, such as {"path": "text"}',
        remedy="Repair it, or name another --list_format.",
    )


def _list_entries(document: Any) -> list[Any]:
    """Returns pairs of path and text, objects, or what else the document has in their place."""
    if isinstance(document, list):
        return document
    data = [value for name, value in document if name == "data_list"]
    return (
        [_read_sample(sample) for sample in data[0]] if data and isinstance(data[0], list) else list(document)
    )


def _read_sample(sample: Any) -> Any:
    """Returns path and text of MMOCR's {"img_path": path, "instances": [{"text": text}]}."""
    values = _make_dict(sample) or {}
    instances = values.get("instances")
    text = None
    if isinstance(instances, list) and len(instances) == 1:
        text = (_make_dict(instances[0]) or {}).get("text")
    return str(values.get("img_path", "")), text


def _make_dict(value: Any) -> dict[str, Any] | None:
    """Returns an object of the document; None for another value or a repeated key."""
    if not isinstance(value, tuple) or _is_pair(value) or not all(map(_is_pair, value)):
        return None
    values = dict(value)
    return values if len(values) == len(value) else None


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)
