"""The description of a charset in words, and of the characters that labels need of it."""

import collections
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from densenet_ocr.beam_jobs.inspection.config import CharsetConfig
from densenet_ocr.beam_jobs.sources.list_rows import open_lists
from densenet_ocr.beam_jobs.sources.rows import Rows, read_labels
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset, show_characters
from densenet_ocr.pipeline.charsets.charset_file import FIRST_ROW, NONE, is_common, read_charset
from densenet_ocr.pipeline.charsets.lookalikes import find_decomposed, find_invisible, find_lookalikes
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import Refused, check_left_out
from densenet_ocr.pipeline.line_list import BLANKS

_BLANKS = BLANKS.decode()


class Missing(NamedTuple):
    """A character that a charset lacks: how often labels have it, and the first row with it as file:line."""

    character: str
    occurrences: int
    where: str


class LabelCharacters(NamedTuple):
    """What labels need of a charset.

    Attributes:
      labels: Number of labels.
      refused: Number of rows whose label cannot be read, or has ids beyond the charset.
      missing: Characters that the charset lacks, the most frequent first.
      unused: Characters of the charset that no label has, in its order.
    """

    labels: int
    refused: int
    missing: list[Missing]
    unused: str


def compare_labels(rows: Rows, charset: Charset) -> LabelCharacters:
    """Reads all labels, and compares their characters with a charset; raises UserError without rows."""
    read = refused = 0
    counts: collections.Counter[str] = collections.Counter()
    first: dict[str, np.void] = {}
    for block, labels in read_labels(rows, "read labels"):
        texts = [_read_text(label, charset) for label in labels]
        read, refused = read + len(texts), refused + texts.count(None)
        counts.update("".join(filter(None, texts)))
        for character in set(counts).difference(first):
            first[character] = next(block[k] for k, text in enumerate(texts) if text and character in text)
    used = {k for character in counts if character in charset for k in charset.encode(character)}
    return LabelCharacters(
        labels=read - refused,
        refused=refused,
        missing=[
            Missing(
                character,
                count,
                rows.describe(*first[character][["list", "line", "offset"]].item())[0],
            )
            for character, count in counts.most_common()
            if character not in charset
        ],
        unused="".join(c for k, c in enumerate(charset.characters) if k not in used),
    )


def _read_text(label: str | list[bytes] | None, charset: Charset) -> str | None:
    """Returns the normal form of a label, which may be ids; None where it cannot be read."""
    if label is None:
        return None
    if isinstance(label, str):
        return charset.normalise(label).rstrip(_BLANKS)  # blanks at the end may be the list's
    try:
        return charset.decode(charset.encode_rows(label))
    except Refused:
        return None


# Most characters or groups that a row names; the result has all.
_MOST_SHOWN = 20


def describe_charset(config: CharsetConfig) -> dict[str, Any]:
    """Prints the description of a charset.

    Returns:
      {"charset", "characters", "classes", "sha256", "blank", "placeholder", "lookalikes", "decomposed",
      "invisible"}: "lookalikes" is a list of groups, the last two are strings of characters. With lists also
      {"labels", "refused", "missing": {character: occurrences}, "unused"}.

    Raises:
      UserError: the charset or a list cannot be read.
    """
    charset, in_folder = _load_charset(config)
    result = {
        "charset": config.charset,
        "characters": len(charset.characters),
        "classes": charset.classes,
        "sha256": charset.sha256,
        "blank": "last_class" if in_folder else config.charset_blank,
        "placeholder": charset.placeholder,
        "lookalikes": find_lookalikes(charset.characters),
        "decomposed": find_decomposed(charset.characters),
        "invisible": find_invisible(charset.characters),
    }
    described = list(_format(charset, result))
    if config.list_paths:
        found = compare_labels(open_lists(config.list_paths, config, charset), charset)
        described += _format_labels(found)
        missing = {one.character: one.occurrences for one in found.missing}
        result |= {**found._asdict(), "missing": missing}
    print("\n".join(f"{name:<12}{text}" for name, text in described), end="\n\n", flush=True)
    return result


def _load_charset(config: CharsetConfig) -> tuple[Charset, bool]:
    """Returns the charset, and whether it is that of a folder."""
    if storage.is_folder(config.charset):
        check_left_out(
            "charset_blank",
            config.charset_blank,
            config.charset_blank == FIRST_ROW,
            f"{FIRST_ROW} with a folder",
        )
        charset = load_dataset_info(config.charset).charset
        return dataclasses.replace(charset, normalize=config.normalize), True
    return read_charset(config.charset, config.charset_blank, config.normalize), False


def _format(charset: Charset, result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "charset", result["charset"]
    yield "size", f"{result['characters']:,} characters and the blank: {result['classes']:,} classes"
    yield "SHA-256", result["sha256"]
    yield "blank", _describe_blank(charset, result["blank"])
    yield "look-alikes", _join([show_characters(group) for group in result["lookalikes"]], "; ")
    yield "decomposed", _join([show_characters(mark) for mark in result["decomposed"]], ", ")
    yield "invisible", _join([show_characters(one) for one in result["invisible"]], ", ")


def _format_labels(found: LabelCharacters) -> Iterator[tuple[str, str]]:
    yield "labels", f"{found.labels:,} read, {found.refused:,} refused"
    lacks = [f"{show_characters(c)} {count:,} times, first in {where}" for c, count, where in found.missing]
    yield "lacks", _join(lacks, "; ")
    yield "never used", _join([show_characters(c) for c in found.unused], ", ")


def _describe_blank(charset: Charset, blank: str) -> str:
    if blank == "last_class":
        return "the last class"
    if blank == NONE:
        return "no row of the file, because of --charset_blank=none"
    place = f"{charset.blank_row} of the file, by --charset_blank={blank}"
    if not charset.placeholder:
        return place
    likely = "; likely a character, and then --charset_blank=none" if is_common(charset.placeholder) else ""
    return f"{place}; it shows {show_characters(charset.placeholder)}{likely}"


def _join(parts: Sequence[str], separator: str) -> str:
    shown = separator.join(parts[:_MOST_SHOWN])
    more = f" and {len(parts) - _MOST_SHOWN} more" if len(parts) > _MOST_SHOWN else ""
    return f"{shown}{more}" or "none"
