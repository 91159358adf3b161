"""The charset of a conversion: a file's, or with --charset=auto that of the data set or of the labels."""

import collections
import dataclasses
from collections.abc import Iterable
from typing import Any

from absl import logging

from densenet_ocr.beam_jobs.conversion.config import AUTO, ConversionConfig
from densenet_ocr.beam_jobs.sources.rows import Rows, read_labels
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset, is_control, normalise_text, show_characters
from densenet_ocr.pipeline.charsets.charset_file import read_charset
from densenet_ocr.pipeline.charsets.lookalikes import find_invisible
from densenet_ocr.pipeline.dataset_info import FILE_NAME, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.line_list import BLANKS

_BLANKS = BLANKS.decode()
_JOINERS = "\u200c\u200d"  # show nothing, but scripts such as Persian and Hindi need them


def find_charset(config: ConversionConfig) -> Charset | None:
    """Returns the charset that exists before the input is read; None where it is built of the labels.

    With --charset=auto, that is the one of the data set's other splits.

    Raises:
      UserError: the charset file or the data set cannot be read.
    """
    if config.charset_path != AUTO:
        return read_charset(config.charset_path, config.charset_blank, config.normalize)
    if not storage.exists(storage.join(config.output, FILE_NAME)):
        return None
    info = load_dataset_info(config.output)
    others = [name for name in info.splits if name not in config.splits]
    if not others:
        return None
    logging.info(
        "charset: the %s characters of the data set, because all splits share them; it has %s",
        f"{len(info.charset.characters):,}",
        ", ".join(others),
    )
    return dataclasses.replace(info.charset, normalize=config.normalize)


def build_charset(config: ConversionConfig, rows: Rows) -> Charset:
    """Returns the characters of all labels, in the order of their code points.

    Left out are characters with fewer occurrences than --charset_min_count, control characters, and halves of
    surrogate pairs, which no charset file can have.

    Raises:
      UserError: labels are ids, or have no characters.
    """
    counts = _count_characters(config, rows)
    controls = sorted(filter(is_control, counts))
    if controls:
        shown = _show_counts(controls, counts)
        logging.warning("charset: control characters are no classes, rows with them are refused: %s", shown)
    for character in controls:
        del counts[character]
    frequent = (c for c, count in counts.items() if count >= config.charset_min_count)
    kept = sorted(c for c in frequent if not "\ud800" <= c <= "\udfff")
    if not kept:
        raise UserError(
            f"charset {AUTO}",
            received=f"{len(counts):,} characters in the labels, none {config.charset_min_count} times or more",
            expected="labels with characters",
            remedy="Lower --charset_min_count, or check the list.",
        )
    logging.info(
        "charset: %s characters of the labels; %s rarer than --charset_min_count=%d are left out",
        f"{len(kept):,}",
        f"{len(counts) - len(kept):,}",
        config.charset_min_count,
    )
    if invisible := find_invisible("".join(kept)).translate(dict.fromkeys(map(ord, _JOINERS))):
        shown = _show_counts(invisible, counts)
        logging.warning("charset: classes that show nothing, or only a space: %s", shown)
    return Charset("".join(kept), normalize=config.normalize)


def _count_characters(config: ConversionConfig, rows: Rows) -> collections.Counter[str]:
    counts: collections.Counter[str] = collections.Counter()
    for block, labels in read_labels(rows, "count characters"):
        ids = next((k for k, label in enumerate(labels) if isinstance(label, list)), None)
        if ids is not None:
            raise _refuse_ids(rows, block[ids])
        # Blanks at the end may be the list's; they are kept if a label has them elsewhere.
        texts = [label.rstrip(_BLANKS) for label in labels if isinstance(label, str)]
        # A line end between them, for no mark of one text may join the letter of another.
        counts.update(normalise_text("\n".join(texts), config.normalize))
    del counts["\n"]  # a charset file cannot have it
    return counts


def _refuse_ids(rows: Rows, row: Any) -> UserError:
    where, shown = rows.describe(int(row["list"]), int(row["line"]), int(row["offset"]))
    return UserError(
        f"charset {AUTO}",
        received=f"a row of ids: {where}: {shown!r}",
        expected="labels that are texts, because ids have no characters",
        remedy="Name the charset whose rows the ids are: --charset=FILE. If the numbers are texts, set "
        "--list_format=space or text.",
    )


def _show_counts(characters: Iterable[str], counts: collections.Counter[str]) -> str:
    return ", ".join(f"{show_characters(c)} {counts[c]:,} times" for c in characters)
