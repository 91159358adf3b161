"""Globs over names that a store lists."""

import fnmatch
import glob
from collections.abc import Iterable

from densenet_ocr.pipeline.storage.file_system import FileSystem
from densenet_ocr.pipeline.storage.paths import join


def find_names(system: FileSystem, pattern: str, folder: str) -> list[str]:
    """Returns the URLs that match a glob below a folder, sorted, by the lists of a file system."""
    start, parts = _split_glob(pattern)
    base = join(folder, start) if folder else start
    is_flat = len(parts) == 1 and parts != ["**"]
    names = system.list_names(base) if is_flat else system.list_versions(base)
    return [join(base, name) for name in _match_names(names, parts)]


def _split_glob(pattern: str) -> tuple[str, list[str]]:
    """Splits a glob into the folder that it starts from, without wildcards, and its other parts."""
    parts = pattern.split("/")
    first = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    return "/".join(parts[:first]), parts[first:]


def _match_names(names: Iterable[str], parts: list[str]) -> list[str]:
    """Returns the files, and the folders that they are in, which match the parts of a glob, sorted.

    The rules are those of `glob.glob(..., recursive=True)`: ** is any number of folders, and a wildcard does
    not match a dot at the start of a name.

    Args:
      names: Names of files such as a/b.png, relative to the folder that the glob starts from.
      parts: The parts of the glob between slashes.
    """
    found: set[str] = set()
    for name in names:
        words = name.split("/")
        found.update("/".join(words[:count]) for count in range(1, len(words) + 1))
    return sorted(name for name in found if _matches(name.split("/"), parts))


def _matches(words: list[str], parts: list[str]) -> bool:
    if not parts:
        return not words
    if parts[0] == "**":
        skips = words and not words[0].startswith(".") and _matches(words[1:], parts)
        return bool(skips) or _matches(words, parts[1:])
    return bool(words) and _matches_word(words[0], parts[0]) and _matches(words[1:], parts[1:])


def _matches_word(word: str, part: str) -> bool:
    hidden = word.startswith(".") and not part.startswith(".")
    return fnmatch.fnmatchcase(word, part) and not (hidden and glob.has_magic(part))
