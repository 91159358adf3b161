"""Coverage: which characters a face really draws. Seen, not believed: each one is drawn and looked at."""

import collections
import concurrent.futures.process
import io
import itertools
import multiprocessing
import os
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
import PIL.ImageFont
from absl import logging
from fontTools.ttLib import TTFont
from fontTools.ttLib.sfnt import SFNTReader, calcChecksum

from densenet_ocr.beam_jobs.engine.worker import end_with_parent
from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW, Face, open_face
from densenet_ocr.pipeline.charset import show_characters
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.progress import Progress

# Pixels per em: as large as lines are drawn, and above the sizes for which fonts bring bitmaps of their own.
LOOKED_AT = 32
# A font's sign for what it lacks is a box, a crossed box, or a question mark: these characters may look just
# like it, and are drawn nevertheless.
LIKE_LACKING = frozenset("□■▢▣▭▮▯◻◼◽◾☐☒⊠⌧⬛⬜⎕〓口囗ロ凵ㅁ\u2f1d\u2f1e?？\ufffd")
# What is drawn alike for more characters than this stands for none of them: of characters that do look alike,
# such as dashes, or A in three alphabets, there are fewer.
MOST_ALIKE = 8

# Tables that hold the shapes of glyphs, and where each one lies.
_OUTLINES = ("glyf", "loca", "CFF ", "CFF2")

# Characters, of all faces together, that take longer to look at than processes take to begin.
_WORTH_PROCESSES = 10_000

Ink = tuple[tuple[int, int], bytes]


def find_coverage(faces: Sequence[Face], characters: str) -> np.ndarray:
    """Which characters each face really draws, bool [faces, characters].

    The face maps it to a glyph that has ink, does not look like the face's sign for what it lacks, and is not
    that of more than MOST_ALIKE of the characters. A space needs no ink, but a width. No face draws a character
    for private use: faces have other glyphs there than each other, and than those who wrote the text. Raises
    UserError for a face whose tables cannot be read. Takes one to two seconds a face for 6,000 characters, of
    which some are looked at together, by a process a core.
    """
    logging.info("looking at %d faces for %s characters", len(faces), f"{len(characters):,}")
    progress = Progress("look at fonts", len(faces), "faces")
    coverage = np.zeros((len(faces), len(characters)), bool)
    for number, (drawn, damaged) in enumerate(_look_at_all(faces, characters)):
        coverage[number] = [character in drawn for character in characters]
        if damaged:
            logging.warning(
                "font %s: the checksum of its table %s is not right: it may draw other characters than it says",
                faces[number],
                ", ".join(damaged),
            )
        progress.show(number + 1)
    progress.close(len(faces))
    return coverage


def _look_at_all(faces: Sequence[Face], characters: str) -> Iterator[tuple[set[str], list[str]]]:
    if len(faces) * len(characters) <= _WORTH_PROCESSES:
        yield from map(_look, faces, itertools.repeat(characters))
        return
    try:
        with _start_processes(min(len(faces), len(os.sched_getaffinity(0)))) as pool:
            yield from pool.map(_look, faces, itertools.repeat(characters))
    except concurrent.futures.process.BrokenProcessPool:
        raise UserError(
            "process that looks at fonts",
            received="one that was killed",
            expected="one that works until all fonts are looked at",
            remedy="Often that means that memory ran out. Give the same command again.",
        ) from None


def _start_processes(count: int) -> concurrent.futures.Executor:
    context = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(
        count, context, initializer=end_with_parent, initargs=(os.getpid(),)
    )


def find_undrawable(coverage: np.ndarray, characters: str) -> str:
    """The characters that no face draws, in their order."""
    return "".join(characters[k] for k in np.flatnonzero(~coverage.any(axis=0)))


def describe_coverage(faces: Sequence[Face], coverage: np.ndarray, characters: str) -> list[str]:
    """Rows for people: of each face how many characters it draws, and which ones no face draws."""
    counts = coverage.sum(axis=1)
    rows = [f"{face}: {n:,} of {len(characters):,} characters" for face, n in zip(faces, counts, strict=True)]
    lacking = find_undrawable(coverage, characters)
    shown = f"{len(lacking):,}: {show_characters(lacking, 50)}" if lacking else "0"
    return [*rows, f"characters that no face draws: {shown}"]


def _look(face: Face, characters: str) -> tuple[set[str], list[str]]:
    """The characters that a face draws, and which of its tables are damaged."""
    font = open_face(face, LOOKED_AT)
    # Pillow's own face is no file, but bytes.
    mapped, damaged = _read_map(face, io.BytesIO(font.font_bytes) if face.path == PILLOW else face.path)
    return _find_drawn(font, mapped, characters), damaged


def _find_drawn(font: PIL.ImageFont.FreeTypeFont, mapped: set[int], characters: str) -> set[str]:
    present = [c for c in characters if ord(c) in mapped and unicodedata.category(c) != "Co"]
    spaces = {c for c in present if unicodedata.category(c) == "Zs" and font.getlength(c) > 0}
    inks = {c: _draw(font, c) for c in present if c not in spaces}
    alike = collections.Counter(inks.values())
    lacking = _draw(font, _find_unmapped(mapped))
    drawn = {c for c, ink in inks.items() if ink and ink != lacking and alike[ink] <= MOST_ALIKE}
    return spaces | drawn | {c for c in LIKE_LACKING & inks.keys() if inks[c]}


def _read_map(face: Face, file: str | io.BytesIO) -> tuple[set[int], list[str]]:
    """Code points for which a face has a glyph that is not its sign for what it lacks; its damaged tables."""
    try:
        with TTFont(file, fontNumber=face.index, lazy=True) as font:
            glyphs = font.getBestCmap() or {}
            none = font.getGlyphOrder()[0]
            damaged = [tag for tag in _OUTLINES if tag in font.reader and not _is_whole(font.reader, tag)]
    except Exception as error:  # damaged tables fail in many ways
        raise UserError(
            f"font {face}",
            received=f"tables that cannot be read ({type(error).__name__}: {error})",
            expected="a whole font file",
            remedy="Leave it out of --fonts, or install it again.",
        ) from None
    return {code for code, name in glyphs.items() if name != none}, damaged


def _is_whole(reader: SFNTReader, tag: str) -> bool:
    """Whether a table has the checksum that the font's directory tells."""
    return calcChecksum(reader[tag]) == reader.tables[tag].checkSum


def _draw(font: PIL.ImageFont.FreeTypeFont, character: str) -> Ink | None:
    """The picture of a character, cut to its ink; None where there is no ink, or the glyph is damaged."""
    try:
        mask = font.getmask(character)
    except OSError:
        return None
    box = mask.getbbox()
    if not box:
        return None
    ink = mask.crop(box)
    return ink.size, bytes(ink)


def _find_unmapped(mapped: set[int]) -> str:
    """A code point that a face draws as its sign for what it lacks, most often the last one of all."""
    return chr(next(code for code in range(0x10FFFF, 0, -1) if code not in mapped))
