"""Coverage: which characters a face has. Each one is rendered, since character maps are not reliable.

The characters of faces are kept in the user's cache folder, in a file per face and charset. Nothing depends on
the cache but time: an entry that is missing, damaged or of other versions is found again.
"""

import collections
import concurrent.futures.process
import contextlib
import functools
import hashlib
import io
import json
import os
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import fontTools
import numpy as np
import PIL
import PIL.features
import PIL.ImageFont
from absl import logging
from fontTools.ttLib import TTFont
from fontTools.ttLib.sfnt import calcChecksum

from densenet_ocr.beam_jobs.engine.runner.worker import map_in_processes
from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW, Face, open_face
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import show_characters
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.progress import Progress

# Raise it when find_coverage finds other characters of the same fonts.
_VERSION = 1

# Entries that are kept, the newest ones; one of 6,000 characters has 19 kB.
_MOST_ENTRIES = 1000

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


class FaceCharacters(NamedTuple):
    """The characters that a face has, and those of its tables that have a wrong checksum."""

    drawn: set[str]
    damaged: list[str]


def _load_entry(face: Face, characters: str) -> FaceCharacters | None:
    """Returns which of some characters a face has; None if the cache does not know."""
    try:
        content = storage.read_json(_find_path(face, characters))
        found = FaceCharacters(set(content["drawn"]), content["damaged"])
        return found if content["digest"] == _digest(found) else None
    except (UserError, ValueError, LookupError, TypeError):
        return None


def _save_entry(face: Face, characters: str, found: FaceCharacters) -> None:
    """Keeps what was found; does nothing where the folder cannot be written."""
    content = {"drawn": "".join(sorted(found.drawn)), "damaged": found.damaged, "digest": _digest(found)}
    with contextlib.suppress(UserError):
        storage.make_folder(storage.find_cache_folder("fonts"))
        storage.write_atomically(_find_path(face, characters), json.dumps(content).encode())


def _remove_old_entries() -> None:
    """Removes the oldest entries beyond _MOST_ENTRIES; another process may do the same at this time."""
    with contextlib.suppress(OSError):
        folder = storage.find_cache_folder("fonts")
        paths = [storage.join(folder, name) for name in storage.list_names(folder)]
        for path in sorted(paths, key=os.path.getmtime)[:-_MOST_ENTRIES]:
            storage.remove(path)


def _find_path(face: Face, characters: str) -> str:
    """The path of an entry: a hash of all that the characters depend on."""
    libraries = [PIL.__version__, PIL.features.version("freetype2"), fontTools.version]
    key = _hash([_VERSION, face.sha256, face.index, characters, *libraries, unicodedata.unidata_version])
    return storage.join(storage.find_cache_folder("fonts"), f"{key}.json")


def _digest(found: FaceCharacters) -> str:
    return _hash([sorted(found.drawn), found.damaged])


def _hash(values: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def find_coverage(faces: Sequence[Face], characters: str) -> np.ndarray:
    """Returns which characters each face has, bool [faces, characters].

    A face has a character if it maps it to a glyph with ink that differs from .notdef and is not shared by more
    than MOST_ALIKE of the characters. A space needs no ink, but a width. Private-use characters do not count:
    fonts have different glyphs for them. Takes one to two seconds per face for 6,000 characters, in one process
    per core, unless the cache knows the face with these characters (see CoverageCache).

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
    known = [_load_entry(face, characters) for face in faces]
    unknown = [face for face, found in zip(faces, known, strict=True) if not found]
    rendered, progress = _render_all(unknown, characters), Progress("read fonts", len(unknown), "faces")
    done = 0
    for face, found in zip(faces, known, strict=True):
        if not found:
            found, done = next(rendered), done + 1
            _save_entry(face, characters, found)
            progress.show(done)
        yield found
    if unknown:
        progress.close(done)
        _remove_old_entries()


def _render_all(faces: Sequence[Face], characters: str) -> Iterator[FaceCharacters]:
    find = functools.partial(_find_one, characters=characters)
    if len(faces) * len(characters) <= _WORTH_PROCESSES:
        yield from map(find, faces)
        return
    try:
        yield from map_in_processes(find, faces, min(len(faces), len(os.sched_getaffinity(0))))
    except concurrent.futures.process.BrokenProcessPool:
        raise UserError(
            "process that reads fonts",
            received="one that was killed",
            expected="one that runs until all fonts are read",
            remedy="Often memory ran out. Give the same command again.",
        ) from None


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
    # A code point that the face renders as .notdef, usually the last one.
    unmapped = next(code for code in range(0x10FFFF, 0, -1) if code not in mapped)
    notdef = _render(font, chr(unmapped))
    drawn = {c for c, ink in inks.items() if ink and ink != notdef and alike[ink] <= MOST_ALIKE}
    return spaces | drawn | {c for c in _LIKE_NOTDEF & inks.keys() if inks[c]}


def _read_map(face: Face, file: str | io.BytesIO) -> tuple[set[int], list[str]]:
    """Code points with a glyph other than .notdef, and the damaged tables."""
    try:
        with TTFont(file, fontNumber=face.index, lazy=True) as font:
            glyphs = font.getBestCmap() or {}
            none = font.getGlyphOrder()[0]
            # A whole table has the checksum of the font's directory.
            reader = font.reader
            outlines = [tag for tag in _OUTLINES if tag in reader]
            damaged = [tag for tag in outlines if calcChecksum(reader[tag]) != reader.tables[tag].checkSum]
    except Exception as error:  # damaged tables fail in many ways
        raise UserError(
            f"font {face}",
            received=f"tables that cannot be read ({type(error).__name__}: {error})",
            expected="a whole font file",
            remedy="Leave it out of --fonts, or install it again.",
        ) from None
    return {code for code, name in glyphs.items() if name != none}, damaged


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
