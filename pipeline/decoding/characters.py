"""Allowed and forbidden characters: which classes of a charset a decoder may give."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from densenet_ocr.pipeline.charset import Charset, show_characters
from densenet_ocr.pipeline.errors import UserError

if TYPE_CHECKING:
    from densenet_ocr.pipeline.decoding.config import DecodingConfig

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


def find_allowed(charset: Charset, config: "DecodingConfig") -> np.ndarray | None:
    """Finds the classes that a decoder may give.

    Args:
      charset: The model's characters.
      config: The allowed characters and kinds, with neither all, and those that are not allowed.

    Returns:
      bool [classes], True for the blank, too; None if nothing is forbidden.

    Raises:
      UserError: the charset lacks a character or has none of a kind, or no character is left.
    """
    allowed = np.ones(charset.classes, bool)
    if config.characters or config.character_kinds:
        allowed[:] = _mark(charset, config, "characters", "character_kinds")
    if config.forbidden_characters or config.forbidden_kinds:
        allowed &= ~_mark(charset, config, "forbidden_characters", "forbidden_kinds")
    if not allowed.any():
        raise UserError(
            "--characters and --forbidden_characters",
            received="no character that is allowed and not forbidden",
            expected="at least one character",
            remedy="Allow more, or forbid less.",
        )
    allowed[charset.blank] = True
    return None if allowed.all() else allowed


def _mark(charset: Charset, config: "DecodingConfig", flag: str, kinds_flag: str) -> np.ndarray:
    """Marks the classes of the characters of one flag and the kinds of another, bool [classes]."""
    characters = getattr(config, flag) or ""
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
    for kind in getattr(config, kinds_flag):
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
