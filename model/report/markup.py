"""HTML and SVG that cannot be broken by what stands in it: whatever is not markup is escaped.

Characters that do not show, or that turn the text around them, are written as escapes such as \\u200f.
"""

import html
import re
import unicodedata
from collections.abc import Iterable

_VOID = {"br", "img", "input", "meta", "wbr"}

# Python stands for a byte of a path that is not UTF-8 by a surrogate of this range.
_BYTES = range(0xDC80, 0xDD00)


class Markup(str):
    """HTML or SVG that is whole and safe."""


Child = str | None | Iterable["Child"]


def element(name: str, *children: Child, **attributes: object) -> Markup:
    """An element; children that are no Markup are text. `_` in an attribute's name stands for `-`.

    An attribute of None or False is left out, one of True has no value; `class_` and `for_` lose their end.
    """
    start = f"<{name}{''.join(_write_attribute(*item) for item in attributes.items())}>"
    return Markup(start if name in _VOID else f"{start}{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """Children one after the other; None is nothing."""
    return Markup("".join(_write_child(child) for child in children))


def show(text: str) -> Markup:
    """A text whose characters all show: those that would not are escapes, marked as such."""
    if text.isprintable():
        return Markup(html.escape(text))
    return join(
        piece if piece.isprintable() else element("span", spell(piece), class_="esc")
        for piece in _split_printable(text)
    )


def spell(text: str) -> str:
    """The same as a plain text, for an attribute."""
    return "".join(c if c.isprintable() else _spell_character(c) for c in text)


def show_character(character: str) -> Markup:
    """One character that stands alone: a space as its sign, an accent on a circle."""
    if character == " ":
        return element("span", "␣", class_="esc")
    if character and unicodedata.category(character).startswith("M"):
        return show(f"◌{character}")
    return show(character)


def show_path(path: str) -> Markup:
    """A path, kept apart from the text around it, that is broken behind a slash where it must be."""
    folders = re.split("(?<=/)", path)
    return element("bdi", [[element("wbr") if k else None, f] for k, f in enumerate(folders)], class_="key")


def _spell_character(character: str) -> str:
    if ord(character) in _BYTES:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def _split_printable(text: str) -> list[str]:
    pieces = [""]
    for character in text:
        if pieces[-1] and pieces[-1].isprintable() != character.isprintable():
            pieces.append("")
        pieces[-1] += character
    return pieces


def _write_child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    return show(child) if isinstance(child, str) else join(child)


def _write_attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(spell(str(value)))}"'
