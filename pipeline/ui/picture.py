"""Pictures for people: a face for every script, colours, and the PNG file at the end."""

import io
import math
import subprocess
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError

Colour = tuple[int, int, int]
INK, GREY, RULE, PAPER = (34, 38, 44), (112, 116, 122), (222, 224, 228), (255, 255, 255)
RIGHT, WRONG = (22, 110, 60), (190, 30, 30)
BAR, SHADE = (66, 116, 178), (250, 234, 222)
MARGIN = 12

# No font has a glyph for it, so every font draws it as it draws what it lacks.
_NO_CHARACTER = "\U0010ffff"


class FontFile(NamedTuple):
    """A font file, and which of the fonts in it."""

    path: str
    index: int = 0


class Typeface:
    """A font at one size, which writes the characters that it lacks as escapes such as \\u6625."""

    def __init__(self, size: int, file: FontFile | None = None):
        """Takes a font file, or Pillow's own font; raises OSError for a file that is no font."""
        self.size, self.file = size, file
        if file:
            self._font = PIL.ImageFont.truetype(file.path, size, file.index)
        else:
            self._font = PIL.ImageFont.load_default(size)
        self._no_glyph = self._draw_mask(_NO_CHARACTER)
        self._spelt = {" ": " "}

    def at(self, size: int) -> "Typeface":
        """The same font at another size."""
        return Typeface(size, self.file)

    def count_lacking(self, characters: Iterable[str]) -> int:
        """How many of some characters would be escapes."""
        return sum(self._spell(character) != character for character in characters)

    def spell(self, text: str) -> str:
        """The text as it is drawn; what does not show, such as a tab or a wide space, is an escape too."""
        return "".join(map(self._spell, text))

    def measure(self, text: str) -> int:
        """Width of a text in pixels."""
        return math.ceil(self._font.getlength(self.spell(text)))

    def wrap(self, text: str, width: int) -> list[str]:
        """The text in lines of at most `width` pixels, cut between any two characters."""
        lines, used = [""], 0.0
        for character in text:
            taken = self._font.getlength(self._spell(character))
            if lines[-1] and used + taken > width:
                lines, used = [*lines, ""], 0.0
            lines[-1] += character
            used += taken
        return lines

    def shorten(self, text: str, width: int) -> str:
        """The text, or as much of its end as `width` pixels hold: a path's end tells more than its start."""
        if self.measure(text) <= width:
            return text
        return "..." + self.wrap(text[::-1], width - self.measure("..."))[0][::-1]

    def draw(
        self, sheet: PIL.Image.Image, at: tuple[int, int], text: str, colour: Colour, anchor: str = "ls"
    ) -> None:
        """Draws a text; by default `at` is where its baseline starts, so that two fonts stand on one line."""
        PIL.ImageDraw.Draw(sheet).text(at, self.spell(text), colour, self._font, anchor)

    def _spell(self, character: str) -> str:
        if character not in self._spelt:
            shows = character.isprintable() and self._draw_mask(character) != self._no_glyph
            escape = character.encode("unicode_escape").decode()
            self._spelt[character] = character if shows else escape
        return self._spelt[character]

    def _draw_mask(self, character: str) -> tuple[tuple[int, int], bytes]:
        mask = self._font.getmask(character)
        return mask.size, bytes(mask)


def choose_typeface(texts: Iterable[str], *, size: int, font: str | None = None) -> Typeface:
    """The font file `font`; without one Pillow's own, or one of the machine's that lacks fewer characters.

    Raises UserError where the file is no font. Fonts of the machine are found where fontconfig is there.
    """
    if font:
        return _open_typeface(font, size)
    own, characters = Typeface(size), set().union(*texts)
    found = _find_font(characters) if own.count_lacking(characters) else None
    try:
        return min(own, Typeface(size, found), key=lambda face: face.count_lacking(characters))
    except OSError:  # a kind of font that Pillow does not read
        return own


def new_sheet(width: int, height: int) -> PIL.Image.Image:
    """An empty sheet of paper."""
    return PIL.Image.new("RGB", (width, height), PAPER)


def paste_line(sheet: PIL.Image.Image, at: tuple[int, int], levels: np.ndarray) -> None:
    """Puts grey levels (uint8 [H, W]) on a sheet pixel by pixel, with a hairline around where paper ends."""
    (x, y), (height, width) = at, levels.shape
    PIL.ImageDraw.Draw(sheet).rectangle((x - 1, y - 1, x + width, y + height), outline=RULE)
    sheet.paste(PIL.Image.fromarray(levels), at)


def stack(parts: list[PIL.Image.Image], *, gap: int = MARGIN) -> PIL.Image.Image:
    """Pictures one below the other, each from the left edge."""
    sheet = new_sheet(max(part.width for part in parts), sum(part.height + gap for part in parts) - gap)
    y = 0
    for part in parts:
        sheet.paste(part, (0, y))
        y += part.height + gap
    return sheet


def frame(picture: PIL.Image.Image, *, margin: int = 2 * MARGIN) -> PIL.Image.Image:
    """A picture with a margin of paper around it."""
    sheet = new_sheet(picture.width + 2 * margin, picture.height + 2 * margin)
    sheet.paste(picture, (margin, margin))
    return sheet


def save_png(sheet: PIL.Image.Image, path: str) -> None:
    """Writes a picture as PNG."""
    data = io.BytesIO()
    sheet.save(data, "PNG", optimize=True)
    storage.write_atomically(path, data.getvalue())


def _open_typeface(path: str, size: int) -> Typeface:
    try:
        return Typeface(size, FontFile(storage.local_path(path)))
    except OSError as error:
        raise UserError(
            f"font {path}",
            received=error.strerror or str(error),
            expected="a font file, such as .ttf, .otf or .ttc",
            remedy="Check --font.",
        ) from None


def _find_font(characters: set[str]) -> FontFile | None:
    """The font that fontconfig has for some characters; None where there is none, or no fontconfig."""
    codes = " ".join(f"{ord(c):x}" for c in sorted(characters)[:4096] if c.isprintable())
    command = ["fc-match", "--format=%{file}\n%{index}", f":charset={codes}:scalable=True:color=False"]
    try:
        # Its first run on a machine may have to look through all fonts.
        out = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.decode()
        path, index = out.split("\n")
        return FontFile(path, int(index))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
