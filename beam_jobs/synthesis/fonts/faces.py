"""Faces of font files: found by patterns or by fontconfig, named, hashed, weighed and opened."""

import collections
import dataclasses
import functools
import hashlib
import math
import os
import re
import struct
import subprocess
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import PIL.ImageFont
from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError

# As a pattern or a path: the face inside Pillow, which every machine has. It draws Latin only.
PILLOW = "pillow"
PACKAGES = (
    "fonts-noto-cjk",
    "fonts-wqy-zenhei",
    "fonts-wqy-microhei",
    "fonts-arphic-uming",
    "fonts-arphic-ukai",
    "fonts-lxgw-wenkai",
)
# An open face takes up to 1.1 MB of its own (Noto Serif CJK; 0.1 MB where outlines are TrueType). Its file is
# mapped: those pages are the machine's, once for all workers. Opening one takes 0.05 to 1.7 ms.
FACES_OPEN = 128

_TRIED_SIZE = 32
_INDEX = re.compile(r"#([0-9]+)$")
_WEIGHT = re.compile(r"=(-?[0-9]*\.?[0-9]+(?:e-?[0-9]+)?)$")
_CHINESE = ":lang=zh-cn:scalable=True:color=False"
_COLLECTION = struct.Struct(">4s4xI")  # its tag, its version, and how many faces it has


@dataclasses.dataclass(frozen=True)
class Face:
    """One face of a font file.

    `path` is as the pattern gave it, or PILLOW; `index` counts the faces of a collection from 0; `name` is its
    family and style; `sha256` is the file's; `weight` is how often it is taken, relative to other faces.
    """

    path: str
    index: int
    name: str
    sha256: str
    weight: float = 1.0

    def __str__(self) -> str:
        return f"{self.name} ({self.path}#{self.index})"


def find_faces(patterns: Sequence[str] = ()) -> list[Face]:
    """The faces that patterns name, by pattern, path and index; without patterns the system's Chinese ones.

    A pattern is a glob of font files (** stands for any number of folders) or PILLOW, and may end in #INDEX,
    that face of each file, and then in =WEIGHT, the weight of each file (1 without). The faces of a collection
    share its weight. A file of a pattern's literal name comes first. What occurs twice, by hash and index,
    counts where it occurs first. Raises UserError for a pattern that matches no file, a file that is no font, a
    face that a file lacks, a weight not above 0, and where the system has no Chinese font.
    """
    found = [face for pattern in patterns for face in _match_pattern(pattern)] if patterns else _find_system()
    faces = {}
    for face in found:
        if faces.setdefault((face.sha256, face.index), face) is not face:
            counts = faces[(face.sha256, face.index)].weight
            logging.info("%s occurs twice and counts once, with its first weight, %g", face, counts)
    return list(faces.values())


@functools.lru_cache(maxsize=FACES_OPEN)
def open_face(face: Face, size: float) -> PIL.ImageFont.FreeTypeFont:
    """A face at a size in pixels per em, one of the FACES_OPEN last ones again.

    Text is laid out by Pillow itself, glyph after glyph: the same on every machine. Raises UserError where this
    machine lacks the file, or has another one of its name.
    """
    try:
        if face.path != PILLOW:
            _check_file(face.path, face.sha256)
        return _load(face.path, face.index, size)
    except OSError as error:
        raise _refuse_file(face.path, error.strerror or str(error)) from None


class _Choice(NamedTuple):
    """What a pattern says: which files, which face of each (None: all), the weight of each."""

    files: str
    index: int | None
    weight: float


def _match_pattern(pattern: str) -> Iterator[Face]:
    choice = _parse_pattern(pattern)
    for path in _find_files(choice.files, pattern):
        count = _count_faces(path)
        if choice.index is not None and choice.index >= count:
            raise UserError(
                f"font {path}",
                received=f"#{choice.index}",
                expected=f"#0 to #{count - 1}, for it has {_plural(count)}",
                remedy="Check --fonts.",
            )
        indices = range(count) if choice.index is None else [choice.index]
        yield from _make_faces(path, indices, choice.weight)


def _parse_pattern(pattern: str) -> _Choice:
    """Takes what follows a name off it, but not from a file that is called so."""
    files, index, weight = pattern, None, 1.0
    if not _is_file(files) and (found := _WEIGHT.search(files)):
        files, weight = files[: found.start()], float(found[1])
    if not _is_file(files) and (found := _INDEX.search(files)):
        files, index = files[: found.start()], int(found[1])
    if not 0 < weight < math.inf:
        raise UserError(
            f"fonts {pattern}",
            received=f"the weight {weight:g}",
            expected="a number above 0",
            remedy="Check --fonts; leave out the fonts that are not wanted.",
        )
    return _Choice(files, index, weight)


def _find_files(files: str, pattern: str) -> list[str]:
    if files == PILLOW or _is_file(files):
        return [files]
    paths = [path for path in storage.find(files) if os.path.isfile(path)]
    if not paths:
        raise UserError(
            f"fonts {pattern}",
            received="a folder" if storage.is_folder(files) else "no file of that name",
            expected="files such as .ttf, .otf, .ttc or .otc",
            remedy="Check --fonts: FOLDER/**/*.tt? has all files of that kind below a folder.",
        )
    return paths


def _is_file(path: str) -> bool:
    return os.path.isfile(storage.local_path(path))


def _make_faces(path: str, indices: Sequence[int], weight: float) -> list[Face]:
    """Faces of one file, with equal shares of its weight; raises UserError where it is no font."""
    try:
        names = [_read_name(path, index) for index in indices]
        sha256 = _hash_file(path)
    except OSError as error:
        raise _refuse_file(path, error.strerror or str(error)) from None
    share = weight / len(indices)
    return [Face(path, index, name, sha256, share) for index, name in zip(indices, names, strict=True)]


def _count_faces(path: str) -> int:
    """How many faces a file has; 1 for what is no collection, be it a font or not."""
    if path == PILLOW:
        return 1
    try:
        with open(path, "rb") as file:
            start = file.read(_COLLECTION.size)
    except OSError as error:
        raise _refuse_file(path, error.strerror or str(error)) from None
    tag, count = _COLLECTION.unpack(start.ljust(_COLLECTION.size, b"\0"))
    return max(1, count) if tag == b"ttcf" else 1


def _read_name(path: str, index: int) -> str:
    return " ".join(part for part in _load(path, index, _TRIED_SIZE).getname() if part)


def _hash_file(path: str) -> str:
    if path == PILLOW:
        return hashlib.sha256(_load(path, 0, _TRIED_SIZE).font_bytes).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.lru_cache(maxsize=1024)
def _check_file(path: str, sha256: str) -> None:
    """Raises UserError for a file that is not the one that was found, as on another machine of a cluster."""
    if _hash_file(path) != sha256:
        raise UserError(
            f"font {path}",
            received="another file than when the fonts were found",
            expected=f"the SHA-256 {sha256}",
            remedy="Install the same fonts on every machine, and do not change them while lines are made.",
        )


def _load(path: str, index: int, size: float) -> PIL.ImageFont.FreeTypeFont:
    if path == PILLOW:
        return PIL.ImageFont.load_default(size)
    return PIL.ImageFont.truetype(path, size, index, layout_engine=PIL.ImageFont.Layout.BASIC)


def _find_system() -> list[Face]:
    """The faces that fontconfig has for Chinese, each file with weight 1."""
    files = collections.defaultdict(list)
    for path, index in _list_system():
        files[path].append(index)
    faces = []
    for path, indices in files.items():
        try:
            faces += _make_faces(path, indices, 1.0)
        except UserError as error:  # a kind of font that Pillow does not read; nobody asked for it
            logging.warning("%s", error)
    if not faces:
        raise _ask_for_fonts("no Chinese font")
    return faces


def _list_system() -> list[tuple[str, int]]:
    """Paths and indices of the system's Chinese faces, sorted; no named instances of variable fonts."""
    command = ["fc-list", "--format=%{file}\n%{index}\n", _CHINESE]
    try:
        # Its first run on a machine may have to look through all fonts.
        out = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
        rows = os.fsdecode(out).split("\n")[:-1]
        faces = {(path, int(index)) for path, index in zip(rows[::2], rows[1::2], strict=True)}
    except (OSError, ValueError, subprocess.SubprocessError):
        raise _ask_for_fonts("no fontconfig that lists its fonts") from None
    return sorted((path, index) for path, index in faces if not index >> 16)


def _ask_for_fonts(received: str) -> UserError:
    return UserError(
        "fonts of the system",
        received=received,
        expected="Chinese fonts that fontconfig knows",
        remedy=f"On Debian: apt-get install fontconfig {' '.join(PACKAGES)}. Or name font files with --fonts.",
    )


def _refuse_file(path: str, received: str) -> UserError:
    return UserError(
        f"font {path}",
        received=received,
        expected="a font file with outlines, such as .ttf, .otf, .ttc or .otc",
        remedy="Check --fonts.",
    )


def _plural(count: int) -> str:
    return f"{count} faces" if count > 1 else "1 face"
