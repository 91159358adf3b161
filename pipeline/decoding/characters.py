"""Allowed and forbidden characters: which classes of a charset a decoder may give."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from densenet_ocr.pipeline.charset import Charset, show_characters
from densenet_ocr.pipeline.errors import UserError

# 〇, the zero of Chinese numerals, which Unicode counts among the letter numbers.
_CHINESE_ZERO = "〇"


def _has_category(*prefixes: str) -> Callable[[str], bool]:
    return lambda character: unicodedata.category(character).startswith(prefixes)


def _is_latin(character: str) -> bool:
    name = unicodedata.name(character, "")
    return unicodedata.category(character)[0] == "L" and name.startswith(("LATIN ", "FULLWIDTH LATIN "))


def _is_chinese(character: str) -> bool:
    is_letter = unicodedata.category(character)[0] == "L"
    return character == _CHINESE_ZERO or (is_letter and unicodedata.name(character, "").startswith("CJK "))


# Kinds of characters by their properties in Unicode (UAX #44): general categories and names.
KINDS: Mapping[str, Callable[[str], bool]] = {
    "digits": _has_category("Nd"),
    "latin": _is_latin,
    "chinese": _is_chinese,
    "punctuation": _has_category("P"),
    "symbols": _has_category("S"),
    "spaces": _has_category("Z"),
}


def find_allowed(
    charset: Charset,
    *,
    characters: str = "",
    kinds: Sequence[str] = (),
    forbidden_characters: str = "",
    forbidden_kinds: Sequence[str] = (),
) -> np.ndarray | None:
    """Finds the classes that a decoder may give.

    Args:
      charset: The model's characters.
      characters: The allowed characters, besides those of `kinds`; with neither, all are allowed.
      kinds: Kinds of allowed characters, keys of KINDS.
      forbidden_characters: Characters that are not allowed.
      forbidden_kinds: Kinds of characters that are not allowed.

    Returns:
      bool [classes], True for the blank, too; None if nothing is forbidden.

    Raises:
      UserError: the charset lacks a character or has none of a kind, or no character is left.
    """
    allowed = np.ones(charset.classes, bool)
    if characters or kinds:
        allowed[:] = _mark(charset, "characters", characters, "character_kinds", kinds)
    if forbidden_characters or forbidden_kinds:
        allowed &= ~_mark(
            charset, "forbidden_characters", forbidden_characters, "forbidden_kinds", forbidden_kinds
        )
    if not allowed.any():
        raise UserError(
            "--characters and --forbidden_characters",
            received="no character that is allowed and not forbidden",
            expected="at least one character",
            remedy="Allow more, or forbid less.",
        )
    allowed[charset.blank] = True
    return None if allowed.all() else allowed


def _mark(charset: Charset, flag: str, characters: str, kinds_flag: str, kinds: Iterable[str]) -> np.ndarray:
    """Marks the classes of characters and kinds, bool [classes]."""
    lacking = sorted({c for c in characters if c not in charset})
    if lacking:
        raise UserError(
            f"--{flag}",
            received=f"{show_characters(lacking, 10)}, which the model's charset lacks",
            expected="characters of the charset",
            remedy="Leave these out: the model cannot read them.",
        )
    marked = np.zeros(charset.classes, bool)
    marked[[charset.class_of[character] for character in characters]] = True
    for kind in kinds:
        own = [k for k, character in enumerate(charset.characters) if KINDS[kind](character)]
        if not own:
            raise UserError(
                f"--{kinds_flag}",
                received=f"{kind}, of which the model's charset has none",
                expected="kinds that the charset has",
                remedy=f"Leave {kind} out.",
            )
        marked[own] = True
    return marked
