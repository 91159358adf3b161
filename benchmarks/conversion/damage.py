"""Feeds beam_jobs.convert damaged images and damaged rows, and checks that it accounts for every one.

    python -m benchmarks.conversion.damage --work=build/benchmark --count=10000

Images (JPEG, PNG, BMP, GIF, WebP, TIFF, JPEG 2000) are cut, have bits flipped or bytes overwritten, are empty,
of another type, or claim to be bombs. Rows have bytes cut out, doubled or put in at random. Standard output
ends with one JSON object: for images and for rows the counts that convert gave. The run fails where convert
does, or where read is not written + refused, or not the number of rows that there are.
"""

import io
import json
import os
import random
import subprocess
from collections.abc import Callable

import PIL.Image
from absl import flags

from benchmarks.conversion.plain_conversion import Task
from benchmarks.lines import draw_lines, make_command
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui import command
from densenet_ocr.pipeline.ui.progress import Progress

_WORK = flags.DEFINE_string("work", None, "Folder for lines and outputs.", required=True)
_COUNT = flags.DEFINE_integer("count", 10_000, "Damaged images, and damaged rows.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the damage.")
_FIT = flags.DEFINE_string("fit", "exact", "As convert has it; the others decode images of any size.")

FILES = 100
KINDS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "JPEG2000")


def main() -> None:
    """Damages and converts images, then rows."""
    lines = draw_lines(os.path.join(_WORK.value, f"lines-{FILES}"), FILES)
    folder = os.path.join(_WORK.value, "damage")
    storage.remove(folder)
    storage.make_folder(folder)
    chance = random.Random(_SEED.value)
    images = convert(write_images(lines, folder, chance), folder, _COUNT.value)
    rows = write_rows(lines, folder, chance)
    with open(rows.list_path, "rb") as file:
        count = sum(1 for row in file.read().split(b"\n") if row.strip(b" \t\r"))
    command.print_result({"images": images, "rows": convert(rows, folder, count)})


def write_images(lines: str, folder: str, chance: random.Random) -> Task:
    """Writes --count damaged images and a list that names them."""
    progress, rows = Progress("damage", _COUNT.value, "images"), []
    with open(os.path.join(lines, "list.txt"), encoding="utf-8") as file:
        labels = [row.split(" ", 1)[1] for row in file]
    sound = [encode(lines, number, kind) for number in range(FILES) for kind in KINDS]
    for number in range(_COUNT.value):
        data = chance.choice(DAMAGES)(chance.choice(sound), chance)
        storage.write_atomically(os.path.join(folder, f"{number}.img"), data)
        rows.append(f"{number}.img {chance.choice(labels)}")
        progress.show(number + 1)
    storage.write_atomically(os.path.join(folder, "images.txt"), "".join(rows).encode())
    charset = os.path.join(lines, "charset.txt")
    return Task(os.path.join(folder, "images.txt"), folder, charset, len(rows), 500, "uint8")


def write_rows(lines: str, folder: str, chance: random.Random) -> Task:
    """Writes a list of --count rows of sound images, each of them damaged."""
    sound = storage.read_bytes(os.path.join(lines, "list.txt")).splitlines()
    path = os.path.join(folder, "rows.txt")
    damaged = (damage_row(chance.choice(sound), chance) for _ in range(_COUNT.value))
    storage.write_atomically(path, b"".join(row + b"\n" for row in damaged))
    images, charset = os.path.join(lines, "images"), os.path.join(lines, "charset.txt")
    return Task(path, images, charset, _COUNT.value, 500, "uint8")


def convert(task: Task, folder: str, count: int) -> dict:
    """The counts of a conversion; raises RuntimeError where it fails or loses a row."""
    output = os.path.join(folder, "output")
    storage.remove(output)
    words = make_command(task, output, max_reject_fraction=1, fit=_FIT.value)
    ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(ended.stdout.splitlines()[-1])
    if not result["read"] == result["written"] + sum(result["refused"].values()) == count:
        raise RuntimeError(f"{count} rows, but {result}")
    return result


def encode(lines: str, number: int, kind: str) -> bytes:
    """A drawn line as another kind of file."""
    data = io.BytesIO()
    with PIL.Image.open(os.path.join(lines, "images", f"{number:06d}.jpg")) as image:
        image.convert("RGB" if number % 2 else "L").save(data, kind)
    return data.getvalue()


def cut(data: bytes, chance: random.Random) -> bytes:
    """The beginning of a file."""
    return data[: chance.randrange(len(data))]


def flip_bits(data: bytes, chance: random.Random) -> bytes:
    """One to twenty bits changed, half of the time near the beginning."""
    changed = bytearray(data)
    reach = len(data) if chance.random() < 0.5 else min(200, len(data))
    for _ in range(chance.randint(1, 20)):
        changed[chance.randrange(reach)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, chance: random.Random) -> bytes:
    """A stretch of random bytes, of zeros or of 255."""
    start, length = chance.randrange(len(data)), chance.randint(1, 64)
    filler = chance.choice((chance.randbytes(length), bytes(length), b"\xff" * length))
    return data[:start] + filler + data[start + length :]


def replace(_: bytes, chance: random.Random) -> bytes:
    """Something that is no image: empty, noise, a page, a script, an archive's or a document's beginning."""
    heads = (b"", b"<html></html>", b"#!/bin/sh\n", b"PK\3\4", b"%PDF-1.7\n", b"%!PS-Adobe-3.0 EPSF-3.0\n")
    return chance.choice((*heads, chance.randbytes(chance.randrange(5000))))


def claim_size(data: bytes, chance: random.Random) -> bytes:
    """A PNG or BMP whose header claims up to four billion pixels a side; others as they are, with a tail."""
    size = chance.randrange(1 << 32)
    for head, place in ((b"\x89PNG", 16), (b"BM", 18)):
        if data.startswith(head):
            return data[:place] + size.to_bytes(4, "big") + size.to_bytes(4, "big") + data[place + 8 :]
    return data + chance.randbytes(100)


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (cut, flip_bits, overwrite, replace, claim_size)


def damage_row(row: bytes, chance: random.Random) -> bytes:
    """A row with some of its bytes changed, cut off, doubled or put in; line ends among them."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(row) + 1)
        put_in = chance.choice(
            (chance.randbytes(3), b"\t", b"../", b"\\", b"\0", b" 99999999999", b"-1 ", b"\n")
        )
        row = chance.choice((row[:at], row[:at] + put_in + row[at:], row[:at] + row, row[:at] + row[at + 1 :]))
    return row


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
