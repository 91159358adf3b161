"""Coverage: which characters a face has. Each one is rendered, since character maps are not reliable."""

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

from densenet_ocr.beam_jobs.engine.runner.worker import end_with_parent
from densenet_ocr.beam_jobs.synthesis.fonts.coverage_cache import (
    FaceCharacters,
    load_entry,
    remove_old_entries,
    save_entry,
)
from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW, Face, open_face
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import show_characters
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.progress import Progress

# Font size in pixels per em: about that of rendered lines, and above the sizes of embedded bitmaps.
_SIZE = 32
# Characters that may look like a font's .notdef glyph: a box, a crossed box, or a question mark.
_BOXES = "□■▢▣▭▮▯◻◼◽◾☐☒⊠⌧⬛⬜⎕"
_LIKE_NOTDEF = frozenset(_BOXES + "〓口囗ロ凵ㅁ\u2f1d\u2f1e?？\ufffd")
# A glyph that more characters share is a placeholder. Fewer characters really look alike, such as dashes, or
# A in three alphabets.
MOST_ALIKE = 8

# Font tables of glyph outlines and their offsets.
_OUTLINES = ("glyf", "loca", "CFF ", "CFF2")

# Number of glyphs above which worker processes are worth their start.
_WORTH_PROCESSES = 10_000

# Size and pixels of a rendered glyph.
Ink = tuple[tuple[int, int], bytes]


def find_coverage(faces: Sequence[Face], characters: str) -> np.ndarray:
    """Returns which characters each face has, bool [faces, characters].

    A face has a character if it maps it to a glyph with ink that differs from .notdef and is not shared by more
    than MOST_ALIKE of the characters. A space needs no ink, but a width. Private-use characters do not count:
    fonts have different glyphs for them. Takes one to two seconds per face for 6,000 characters, in one process
    per core, unless the cache knows the face with these characters (see coverage_cache).

    Raises:
      UserError: the tables of a face cannot be read.
    """
    coverage = np.zeros((len(faces), len(characters)), bool)
    for row, face, (drawn, damaged) in zip(coverage, faces, _find_all(faces, characters), strict=True):
        row[:] = [character in drawn for character in characters]
        if damaged:
            logging.warning(
                "font %s: the checksum of its table %s is not right: its characters may be damaged",
                face,
                ", ".join(damaged),
            )
    return coverage


def _find_all(faces: Sequence[Face], characters: str) -> Iterator[FaceCharacters]:
    """Yields the characters of each face, and keeps those that were not known in the cache."""
    known = [load_entry(face, characters) for face in faces]
    unknown = [face for face, found in zip(faces, known, strict=True) if not found]
    rendered, progress = _render_all(unknown, characters), Progress("read fonts", len(unknown), "faces")
    done = 0
    for face, found in zip(faces, known, strict=True):
        if not found:
            found, done = next(rendered), done + 1
            save_entry(face, characters, found)
            progress.show(done)
        yield found
    if unknown:
        progress.close(done)
        remove_old_entries()


def _render_all(faces: Sequence[Face], characters: str) -> Iterator[FaceCharacters]:
    if len(faces) * len(characters) <= _WORTH_PROCESSES:
        yield from map(_find_one, faces, itertools.repeat(characters))
        return
    try:
        with _start_processes(min(len(faces), len(os.sched_getaffinity(0)))) as pool:
            yield from pool.map(_find_one, faces, itertools.repeat(characters))
    except concurrent.futures.process.BrokenProcessPool:
        raise UserError(
            "process that reads fonts",
            received="one that was killed",
            expected="one that runs until all fonts are read",
            remedy="Often memory ran out. Give the same command again.",
        ) from None


def _start_processes(count: int) -> concurrent.futures.Executor:
    context = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(
        count, context, initializer=end_with_parent, initargs=(os.getpid(),)
    )


def find_undrawable(coverage: np.ndarray, characters: str) -> str:
    """Returns the characters that no face has, in their order; coverage is bool [faces, characters]."""
    return "".join(characters[k] for k in np.flatnonzero(~coverage.any(axis=0)))


def describe_coverage(faces: Sequence[Face], coverage: np.ndarray, characters: str) -> str:
    """Formats coverage (bool [faces, characters]): the least and the most of a face, and what no face has."""
    counts = coverage.sum(axis=1)
    lacking = find_undrawable(coverage, characters)
    shown = f"{len(lacking):,}: {show_characters(lacking, 50)}" if lacking else "0"
    return (
        f"{len(faces):,} faces have {counts.min():,} to {counts.max():,} of {len(characters):,} characters, "
        f"{faces[counts.argmin()]} the fewest; characters that no face has: {shown}"
    )


def _find_one(face: Face, characters: str) -> FaceCharacters:
    font = open_face(face, _SIZE)
    # Pillow's own face is in memory.
    file = io.BytesIO(font.font_bytes) if face.path == PILLOW else storage.kept_copy(face.path)
    mapped, damaged = _read_map(face, file)
    return FaceCharacters(_find_rendered(font, mapped, characters), damaged)


def _find_rendered(font: PIL.ImageFont.FreeTypeFont, mapped: set[int], characters: str) -> set[str]:
    present = [c for c in characters if ord(c) in mapped and unicodedata.category(c) != "Co"]
    spaces = {c for c in present if unicodedata.category(c) == "Zs" and font.getlength(c) > 0}
    inks = {c: _render(font, c) for c in present if c not in spaces}
    alike = collections.Counter(inks.values())
    notdef = _render(font, _find_unmapped(mapped))
    drawn = {c for c, ink in inks.items() if ink and ink != notdef and alike[ink] <= MOST_ALIKE}
    return spaces | drawn | {c for c in _LIKE_NOTDEF & inks.keys() if inks[c]}


def _read_map(face: Face, file: str | io.BytesIO) -> tuple[set[int], list[str]]:
    """Code points with a glyph other than .notdef, and the damaged tables."""
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
    """Whether a table has the checksum of the font's directory."""
    return calcChecksum(reader[tag]) == reader.tables[tag].checkSum


def _render(font: PIL.ImageFont.FreeTypeFont, character: str) -> Ink | None:
    """Renders a character, cropped to its ink; None if it has no ink or is damaged."""
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
    """A code point that the face renders as .notdef, usually the last one."""
    return chr(next(code for code in range(0x10FFFF, 0, -1) if code not in mapped))
