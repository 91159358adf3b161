"""Characters of faces that an earlier command found, in the user's cache folder: a file per face and charset.

Nothing depends on the cache but time: an entry that is missing, damaged or of other versions is found again.
"""

import contextlib
import hashlib
import json
import os
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import fontTools
import PIL
import PIL.features

from densenet_ocr.beam_jobs.synthesis.fonts.faces import Face
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError

# Raise it when find_coverage finds other characters of the same fonts.
_VERSION = 1

# Entries that are kept, the newest ones; one of 6,000 characters has 19 kB.
_MOST_ENTRIES = 1000


class FaceCharacters(NamedTuple):
    """The characters that a face has, and those of its tables that have a wrong checksum."""

    drawn: set[str]
    damaged: list[str]


def load_entry(face: Face, characters: str) -> FaceCharacters | None:
    """Returns which of some characters a face has; None if the cache does not know."""
    try:
        content = storage.read_json(_find_path(face, characters))
        found = FaceCharacters(set(content["drawn"]), content["damaged"])
        return found if content["digest"] == _digest(found) else None
    except (UserError, ValueError, LookupError, TypeError):
        return None


def save_entry(face: Face, characters: str, found: FaceCharacters) -> None:
    """Keeps what was found; does nothing where the folder cannot be written."""
    content = {"drawn": "".join(sorted(found.drawn)), "damaged": found.damaged, "digest": _digest(found)}
    with contextlib.suppress(UserError):
        storage.make_folder(_find_folder())
        storage.write_atomically(_find_path(face, characters), json.dumps(content).encode())


def remove_old_entries() -> None:
    """Removes the oldest entries beyond _MOST_ENTRIES; another process may do the same at this time."""
    with contextlib.suppress(OSError):
        paths = [storage.join(_find_folder(), name) for name in storage.list_names(_find_folder())]
        for path in sorted(paths, key=os.path.getmtime)[:-_MOST_ENTRIES]:
            storage.remove(path)


def _find_folder() -> str:
    """The folder by the XDG Base Directory Specification, which ignores relative paths."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    base = base if os.path.isabs(base) else os.path.expanduser("~/.cache")
    return os.path.join(base, "densenet-ocr", "fonts")


def _find_path(face: Face, characters: str) -> str:
    """The path of an entry: a hash of all that the characters depend on."""
    libraries = [PIL.__version__, PIL.features.version("freetype2"), fontTools.version]
    key = _hash([_VERSION, face.sha256, face.index, characters, *libraries, unicodedata.unidata_version])
    return storage.join(_find_folder(), f"{key}.json")


def _digest(found: FaceCharacters) -> str:
    return _hash([sorted(found.drawn), found.damaged])


def _hash(values: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()
