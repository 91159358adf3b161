"""Reads lists of mixed and damaged rows in all formats, and counts rows that are read wrongly.

    python -m benchmarks.conversion.damaged_lists --count=4000

Each list has a format, a charset and a rate of damage by a seed. Rows lose or double what parts path and text,
are cut, have ids beyond the charset, broken quotes or JSON, or are rows of another format; lists have CRLF,
blank rows and byte order marks. The generator knows the text of each path: a label that is read has to equal
it. A row of ids and a row of digits behind a space cannot be distinguished, so neither is put into a
list of the other. Standard output has a table by format, and ends with one JSON object. The run fails where a
row is misread.
"""

import collections
import csv
import dataclasses
import io
import json
import os
import random
import tempfile
from collections.abc import Callable
from typing import NamedTuple

from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.lists.detection import find_format
from densenet_ocr.pipeline.lists.opening import open_list
from densenet_ocr.pipeline.lists.rows import encode_entry
from densenet_ocr.pipeline.ui import command, flags

_HAN = "".join(map(chr, range(0x4E00, 0x4E00 + 2000)))
# As char_std_5990: digits, no space. English. Digits alone. Punctuation that CSV, JSON and PaddleOCR use.
CHARSETS = tuple(
    map(
        Charset,
        (
            "0123456789" + _HAN,
            " abcdefghijklmnopqrstuvwxyz0123456789",
            "0123456789",
            ' abcdefghij0123456789,"{}[]:\\.;',
        ),
    )
)
DAMAGE_RATES = (0.0, 0.02, 0.1, 0.3)
FORMATS = ("ids", "text", "space", "csv", "tsv", "jsonl", "json", "gt_txt", "paddle")
MOST_ROWS = 30


class Row(NamedTuple):
    """A row of a list, and the text of its path; None where the row is not to be read."""

    data: str
    path: str
    text: str | None


class Outcome(NamedTuple):
    """What became of a list's rows: read, written, refused, misread, and whether the list was refused."""

    read: int
    written: int
    refused: int
    misread: list[str]
    is_refused: bool


def draw_text(chance: random.Random, charset: Charset) -> str:
    """Draws a text that neither begins nor ends with a blank; one in four is a number."""
    characters = "0123456789" if chance.random() < 0.25 else charset.characters
    text = "".join(chance.choices(characters, k=chance.randint(1, 8))).strip()
    return text or "1"


def write_row(name: str, path: str, text: str, charset: Charset) -> str:
    """Formats a row."""
    if name == "ids":
        return " ".join([path, *(str(charset.characters.index(character) + 1) for character in text)])
    if name in ("csv", "tsv"):
        cells = io.StringIO()
        csv.writer(cells, delimiter="," if name == "csv" else "\t", lineterminator="").writerow([path, text])
        return cells.getvalue()
    if name == "jsonl":
        return json.dumps({"filename": path, "text": text}, ensure_ascii=False)
    if name == "json":
        return f"{json.dumps(path)}: {json.dumps(text, ensure_ascii=False)}"
    return f"{path} {text}" if name == "space" else f"{path}\t{text}"


def damage_row(row: Row, name: str, chance: random.Random, charset: Charset) -> Row:
    """Damages a row; its text is what it still says by its own format."""
    parts = {"ids": " ", "space": " ", "csv": ",", "tsv": "\t", "jsonl": '", "', "json": ": "}.get(name, "\t")
    kinds = ("lost", "doubled", "tab", "space", "cut", "beyond", "quote", "other")
    kind = chance.choice(kinds[:-1] if name == "json" else kinds)  # a comma would join another row
    if kind in ("lost", "tab", "space"):
        return row._replace(data=row.data.replace(parts, {"lost": "", "tab": "\t", "space": " "}[kind], 1))
    if kind == "doubled":
        return row._replace(data=row.data.replace(parts, parts * 2, 1))
    if kind == "cut":
        return row._replace(data=row.data[: chance.randint(1, len(row.path))])
    if kind == "beyond" and name == "ids":
        return row._replace(data=f"{row.data} {charset.blank + chance.randint(1, 999)}")
    if kind == "quote":
        quoted = json.dumps(row.text, ensure_ascii=False)
        start = row.data.rindex(quoted) if name in ("jsonl", "json") else 0
        place = chance.choice([*range(start + 1), start + len(quoted) - 1])
        return row._replace(data=row.data[:place] + row.data[place + 1 :]) if start else row
    others = [other for other in ("ids", "text", "space", "jsonl") if {name, other} != {"ids", "space"}]
    text = row.text or ""
    return row._replace(data=write_row(chance.choice(others), row.path, text, charset))


def write_list(name: str, rows: list[Row], chance: random.Random) -> bytes:
    """Puts the rows of a list together."""
    end = chance.choice(("\n", "\r\n"))
    if name == "json":
        return ("{" + f",{end}".join(row.data for row in rows) + "}").encode()
    head = {"csv": "filename,words", "tsv": "path\tlabel"}.get(name)
    data = [row.data for row in rows]
    for mark in ("", " ", "\ufeff" + data[0]):
        if chance.random() < 0.2:
            data.insert(chance.randrange(len(data) + 1), mark)
    return (chance.choice(("", "\ufeff")) + end.join([*([head] if head else []), *data, ""])).encode()


def draw_list(name: str, chance: random.Random, charset: Charset) -> list[Row]:
    """Draws the rows of a list, some of them damaged."""
    rate, rows = chance.choice(DAMAGE_RATES), []
    for number in range(chance.randint(1, MOST_ROWS)):
        path, text = f"d/{number:06d}.jpg", draw_text(chance, charset)
        row = Row(write_row(name, path, text, charset), path, text)
        if name == "paddle" and chance.random() < 0.5:
            row = row._replace(data=f'["{path}", "{path[:-4]}b.jpg"]\t{text}')
        rows.append(damage_row(row, name, chance, charset) if chance.random() < rate else row)
    return rows


def read_list(path: str, charset: Charset, texts: dict[str, str | None]) -> Outcome:
    """Reads a list as ocr-convert does, and compares its labels with the texts of its paths."""
    try:
        entries = open_list(path, find_format(path, ListConfig(), charset), encoding="utf-8", image_root="/")
        offsets = entries.scan()[0].tolist()
    except UserError:
        return Outcome(0, 0, 0, [], True)
    written, misread = 0, []
    for offset in offsets:
        try:
            key, label = encode_entry(entries.parse(offset), charset)
        except Refused:
            continue
        key = "/".join(key.split("/")[-2:]).replace("b.jpg", ".jpg")
        if key in texts:  # another path has no image, and is refused
            written += 1
            if charset.decode(label) != texts[key]:
                misread.append(f"{entries.show(offset)!r} as {charset.decode(label)!r}")
    return Outcome(len(offsets), written, len(offsets) - written, misread, False)


def write_folder(folder: str, rows: list[Row], chance: random.Random) -> None:
    """Writes images and texts; a damaged row lacks one of the two, or has an image more."""
    os.makedirs(os.path.join(folder, "d"))
    for row in rows:
        stem = os.path.join(folder, row.path.removesuffix(".jpg"))
        names = [f"{stem}.jpg", f"{stem}.gt.txt"]
        if row.data != f"{row.path}\t{row.text}":
            names = chance.choice((names[:1], names[1:], [*names, f"{stem}.bin.png"]))
        for name in names:
            storage.write_atomically(name, f"{row.text}\n".encode() if name.endswith("txt") else b"")


def try_list(name: str, chance: random.Random) -> Outcome:
    """Draws, writes and reads a list."""
    charset = chance.choice(CHARSETS)
    rows = draw_list(name, chance, charset)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "list")
        if name == "gt_txt":
            write_folder(path, rows, chance)
        else:
            storage.write_atomically(path, write_list(name, rows, chance))
        return read_list(path, charset, {row.path: row.text for row in rows})


def count_outcomes(
    count: int, seed: int, show: Callable[[str], None] = logging.error
) -> dict[str, collections.Counter[str]]:
    """Tries `count` lists and returns by format the numbers of lists, refused lists, and rows of each kind."""
    chance, counts = random.Random(seed), {name: collections.Counter[str]() for name in FORMATS}
    for number in range(count):
        name = FORMATS[number % len(FORMATS)]
        outcome = try_list(name, chance)
        counts[name].update(lists=1, lists_refused=int(outcome.is_refused))
        counts[name].update(read=outcome.read, written=outcome.written, refused=outcome.refused)
        counts[name].update(misread=len(outcome.misread))
        for row in outcome.misread:
            show(f"{name}, list {number}: {row}")
    return counts


@dataclasses.dataclass(frozen=True, kw_only=True)
class DamageConfig:
    """How many lists to try, and which."""

    count: int = flags.option(4000, help="Lists to try.", at_least=1)
    seed: int = flags.option(0, help="Seed of the lists.")


_COLUMNS = ("lists", "lists_refused", "read", "written", "refused", "misread")


def main() -> None:
    """Tries the lists and prints the table."""
    logging.set_verbosity(logging.ERROR)
    config = flags.read(DamageConfig)
    counts = count_outcomes(config.count, config.seed)
    total = sum(counts.values(), collections.Counter[str]())
    print(" ".join(["format ", *(f"{column:>14}" for column in _COLUMNS)]))
    for name, row in {**counts, "all": total}.items():
        print(" ".join([f"{name:7}", *(f"{row[column]:>14,}" for column in _COLUMNS)]))
    if total["misread"]:
        raise UserError(
            "lists", received=f"{total['misread']} misread rows", expected="none", remedy="See above."
        )
    command.print_result(dict(total))


if __name__ == "__main__":
    command.run(main, configs=[DamageConfig])
