"""Font faces: found by patterns or by fontconfig, with names, hashes and weights."""

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

import PIL.ImageFont
from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError

# As a pattern or a path: the Latin face inside Pillow, which every machine has.
PILLOW = "pillow"
# Debian packages of free Chinese fonts.
PACKAGES = (
    "fonts-noto-cjk",
    "fonts-wqy-zenhei",
    "fonts-wqy-microhei",
    "fonts-arphic-uming",
    "fonts-arphic-ukai",
    "fonts-lxgw-wenkai",
)
# An open face takes up to 1.1 MB (Noto Serif CJK; 0.1 MB with TrueType outlines), without its file, which is
# mapped and shared by all workers. Opening one takes 0.05 to 1.7 ms.
FACES_OPEN = 128

_NAME_SIZE = 32  # font size at which names are read; any would do
_INDEX = re.compile(r"#([0-9]+)$")
_WEIGHT = re.compile(r"=(-?[0-9]*\.?[0-9]+(?:e-?[0-9]+)?)$")
_CHINESE = ":lang=zh-cn:scalable=True:color=False"
_COLLECTION = struct.Struct(">4s4xI")  # tag, version, number of faces


@dataclasses.dataclass(frozen=True)
class Face:
    """One face of a font file.

    Attributes:
      path: Path or URL, as the pattern gave it, or PILLOW.
      index: Index in a collection, from 0.
      name: Family and style.
      sha256: SHA-256 of the file.
      weight: How often the face is used, relative to other faces.
    """

    path: str
    index: int
    name: str
    sha256: str
    weight: float = 1.0

    def __str__(self) -> str:
        return f"{self.name} ({self.path}#{self.index})"


def find_faces(patterns: Sequence[str] = ()) -> list[Face]:
    """Returns the faces that match patterns, or the system's Chinese faces without any.

    The faces of a collection share its weight. A face that matches twice, by hash and index, counts with its
    first weight.

    Args:
      patterns: Globs of font files (** stands for any number of folders), or PILLOW, each with an optional
        #INDEX and then =WEIGHT (1 without). A file of a pattern's literal name has precedence.

    Raises:
      UserError: a pattern matches no file, a file is not a font or lacks a face, a weight is not positive, or
        the system has no Chinese font.
    """
    found = [face for pattern in patterns for face in _match_pattern(pattern)] if patterns else _find_system()
    faces: dict[tuple[str, int], Face] = {}
    for face in found:
        if faces.setdefault((face.sha256, face.index), face) is not face:
            counts = faces[(face.sha256, face.index)].weight
            logging.info("%s occurs twice and counts once, with its first weight, %g", face, counts)
    return list(faces.values())


@functools.lru_cache(maxsize=FACES_OPEN)
def open_face(face: Face, size: float) -> PIL.ImageFont.FreeTypeFont:
    """Opens a face at a size in pixels per em; the last FACES_OPEN ones are cached.

    Pillow's basic layout places glyph after glyph, the same on every machine.

    Raises:
      UserError: this machine lacks the file, or has another one of its name.
    """
    try:
        if face.path != PILLOW:
            _check_file(face.path, face.sha256)
        return _load(face.path, face.index, size)
    except OSError as error:
        raise _refuse_file(face.path, error) from None


def _match_pattern(pattern: str) -> Iterator[Face]:
    files, index, weight = _parse_pattern(pattern)
    for path in _find_files(files, pattern):
        count = _count_faces(path)
        if index is not None and index >= count:
            raise UserError(
                f"font {path}",
                received=f"#{index}",
                expected=f"#0 to #{count - 1}, for it has {count} face{'s' * (count > 1)}",
                remedy="Check --fonts.",
            )
        yield from _make_faces(path, range(count) if index is None else [index], weight)


def _parse_pattern(pattern: str) -> tuple[str, int | None, float]:
    """Splits a pattern, unless it is a file's name: files, face of each (None for all), weight of each file."""
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
    return files, index, weight


def _find_files(files: str, pattern: str) -> list[str]:
    if files == PILLOW or _is_file(files):
        return [files]
    paths = [path for path in storage.find(files) if _is_file(path)]
    if not paths:
        raise UserError(
            f"fonts {pattern}",
            received="a folder" if storage.is_folder(files) else "no file of that name",
            expected="files such as .ttf, .otf, .ttc or .otc",
            remedy="Check --fonts: FOLDER/**/*.tt? has all files of that kind below a folder.",
        )
    return paths


def _is_file(path: str) -> bool:
    if storage.is_url(path):
        return storage.exists(path) and not storage.is_folder(path)
    return os.path.isfile(path)


def _make_faces(path: str, indices: Sequence[int], weight: float) -> list[Face]:
    """Faces of one file, with equal shares of its weight; raises UserError where it is not a font."""
    try:
        parts = [_load(path, index, _NAME_SIZE).getname() for index in indices]
        sha256 = _hash_file(path)
    except OSError as error:
        raise _refuse_file(path, error) from None
    names, share = [" ".join(filter(None, name)) for name in parts], weight / len(indices)
    return [Face(path, index, name, sha256, share) for index, name in zip(indices, names, strict=True)]


def _count_faces(path: str) -> int:
    """Number of faces of a file; 1 if it is not a collection."""
    if path == PILLOW:
        return 1
    try:
        with open(storage.kept_copy(path), "rb") as file:
            start = file.read(_COLLECTION.size)
    except OSError as error:
        raise _refuse_file(path, error) from None
    tag, count = _COLLECTION.unpack(start.ljust(_COLLECTION.size, b"\0"))
    return max(1, count) if tag == b"ttcf" else 1


def _hash_file(path: str) -> str:
    if path == PILLOW:
        return hashlib.sha256(_load(path, 0, _NAME_SIZE).font_bytes).hexdigest()
    return storage.hash_file(storage.kept_copy(path))


@functools.lru_cache(maxsize=1024)
def _check_file(path: str, sha256: str) -> None:
    """Raises UserError where another machine of a cluster has another file of this name."""
    if _hash_file(path) != sha256:
        raise UserError(
            f"font {path}",
            received="another file than when the fonts were found",
            expected=f"the SHA-256 {sha256}",
            remedy="Install the same fonts on every machine, and do not change them during a synthesis.",
        )


def _load(path: str, index: int, size: float) -> PIL.ImageFont.FreeTypeFont:
    if path == PILLOW:
        font = PIL.ImageFont.load_default(size)
        assert isinstance(font, PIL.ImageFont.FreeTypeFont)  # with a size it is always one
        return font
    file = storage.kept_copy(path)
    return PIL.ImageFont.truetype(file, size, index, layout_engine=PIL.ImageFont.Layout.BASIC)


def _find_system() -> list[Face]:
    """The Chinese faces that fontconfig knows, each file with weight 1."""
    files: dict[str, list[int]] = collections.defaultdict(list)
    for path, index in _list_system():
        files[path].append(index)
    faces: list[Face] = []
    for path, indices in files.items():
        try:
            faces += _make_faces(path, indices, 1.0)
        except UserError as error:  # a kind of font that Pillow does not read
            logging.warning("%s", error)
    if not faces:
        raise _ask_for_fonts("no Chinese font")
    return faces


def _list_system() -> list[tuple[str, int]]:
    """Paths and indices of the system's Chinese faces, sorted, without named instances of variable fonts."""
    command = ["fc-list", "--format=%{file}\n%{index}\n", _CHINESE]
    try:
        # Its first run on a machine may scan all fonts.
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


def _refuse_file(path: str, error: OSError) -> UserError:
    if isinstance(error, UserError):  # of a URL
        return error
    return UserError(
        f"font {path}",
        received=error.strerror or str(error),
        expected="a font file with outlines, such as .ttf, .otf, .ttc or .otc",
        remedy="Check --fonts.",
    )
