"""Filters of the report's templates: numbers, and texts all of whose characters show.

Characters that do not show, or that turn the text around them, become escapes such as \\u200f.
"""

import itertools
import re
import unicodedata

from markupsafe import Markup, escape

# What the page shows where there is no number.
NONE = "–"

# Python stands for a byte of a path that is not UTF-8 by a surrogate of this range.
_BYTES = range(0xDC80, 0xDD00)


def percent(share: float | None) -> str:
    """Formats a share of 1 in per cent; only exactly 0 and 1 look like 0% and 100%."""
    return NONE if share is None else f"{_format(100 * share, 2, 100)}%"


def interval(shares: tuple[float, float]) -> str:
    """Formats an interval of shares in per cent."""
    low, high = map(percent, shares)
    return f"{low.removesuffix('%')}–{high}"


def confidence(value: float) -> str:
    """Formats a confidence from 0 to 1; only exactly 0 and 1 look like it."""
    return _format(value, 3, 1)


def count(number: int, noun: str) -> str:
    """Formats a count with its noun in singular or plural."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def pixels(length: float) -> str:
    """Formats a length of a drawing, with one decimal at most."""
    return f"{length:.1f}".removesuffix(".0")


def spell(text: str) -> str:
    """Returns a text whose characters all show: the others are escapes."""
    return "".join(c if c.isprintable() else _escape_character(c) for c in text)


def show(text: str) -> Markup:
    """Returns a text as HTML, with escapes of characters that do not show, marked as such."""
    pieces = [(shows, "".join(group)) for shows, group in itertools.groupby(text, str.isprintable)]
    return Markup("").join(
        escape(piece) if shows else Markup('<span class="esc">{}</span>').format(spell(piece))
        for shows, piece in pieces
    )


def show_character(character: str) -> Markup:
    """Returns one character that stands alone as HTML: a space as its sign, an accent on a circle."""
    if character == " ":
        return Markup('<span class="esc">␣</span>')
    is_mark = character and unicodedata.category(character).startswith("M")
    return show(f"◌{character}" if is_mark else character)


def show_code(character: str) -> Markup:
    """Returns a character with its code point, which tells lookalikes apart, as HTML."""
    return Markup('<span class="char">{}<small>U+{}</small></span>').format(
        show_character(character), f"{ord(character):04X}"
    )


def show_path(path: str) -> Markup:
    """Returns a path as HTML that is apart from the text around it, and may be broken behind its slashes."""
    parts = Markup("<wbr>").join(map(show, re.split("(?<=/)", path)))
    return Markup('<bdi class="key">{}</bdi>').format(parts)


def _format(value: float, decimals: int, whole: int) -> str:
    """Formats a number from 0 to `whole`, with more decimals where fewer would make it one of the two."""
    if value <= 0 or value >= whole:
        return "0" if value <= 0 else str(whole)
    texts = (f"{value:.{digits}f}" for digits in range(decimals, 17))
    return next((text for text in texts if 0 < float(text) < whole), repr(value))


def _escape_character(character: str) -> str:
    if ord(character) in _BYTES:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


_NUMBERS = (percent, interval, confidence, count, pixels)
_TEXTS = (spell, show, show_character, show_code, show_path)

# Filters by the names that templates use.
FILTERS = {filter.__name__: filter for filter in (*_NUMBERS, *_TEXTS)}
