"""Drawing of pictures for people: fonts for any script, colours, sheets, PNG files."""

import dataclasses
import io
import math
import subprocess
from collections.abc import Iterable

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import PIL.ImageOps

from densenet_ocr.pipeline import storage

Colour = tuple[int, int, int]
INK, GREY, RULE, PAPER = (34, 38, 44), (112, 116, 122), (222, 224, 228), (255, 255, 255)
RIGHT, WRONG = (22, 110, 60), (190, 30, 30)
BAR, SHADE = (66, 116, 178), (250, 234, 222)
MARGIN = 12

# No font has a glyph for it, so every font draws its replacement glyph.
_NO_CHARACTER = "\U0010ffff"


@dataclasses.dataclass(frozen=True)
class FontFile:
    """A font file, and the index of a font in it."""

    path: str
    index: int = 0


class Typeface:
    """A font at one size; characters without a glyph become escapes such as \\u6625.

    Args:
      size: Pixels.
      file: The font; None for Pillow's own.

    Raises:
      OSError: the file is not a font.
    """

    def __init__(self, size: int, file: FontFile | None = None):
        self.size, self.file = size, file
        self._font: PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont = (
            PIL.ImageFont.truetype(file.path, size, file.index) if file else PIL.ImageFont.load_default(size)
        )
        self._no_glyph = self._draw_mask(_NO_CHARACTER)
        self._spelt = {" ": " "}

    def at(self, size: int) -> "Typeface":
        """Returns the same font at another size."""
        return Typeface(size, self.file)

    def count_lacking(self, characters: Iterable[str]) -> int:
        """Returns how many of some characters become escapes."""
        return sum(self._spell(character) != character for character in characters)

    def spell(self, text: str) -> str:
        """Returns the text as drawn; invisible characters, such as tabs, become escapes too."""
        return "".join(map(self._spell, text))

    def measure(self, text: str) -> int:
        """Returns the width of a text in pixels."""
        return math.ceil(self._font.getlength(self.spell(text)))

    def wrap(self, text: str, width: int) -> list[str]:
        """Breaks a text into lines of at most `width` pixels, between any two characters."""
        lines, used = [""], 0.0
        for character in text:
            taken = self._font.getlength(self._spell(character))
            if lines[-1] and used + taken > width:
                lines, used = [*lines, ""], 0.0
            lines[-1] += character
            used += taken
        return lines

    def shorten(self, text: str, width: int) -> str:
        """Returns the text, cut at its start to `width` pixels: the end of a path says more than its start."""
        if self.measure(text) <= width:
            return text
        return "..." + self.wrap(text[::-1], width - self.measure("..."))[0][::-1]

    def draw(
        self, sheet: PIL.Image.Image, at: tuple[int, int], text: str, colour: Colour, anchor: str = "ls"
    ) -> None:
        """Draws a text; by default `at` is the start of its baseline, on which fonts align."""
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
    """Chooses the font for some texts.

    Args:
      texts: All texts that it will draw.
      size: Pixels.
      font: Path of a font file; else Pillow's own font, or one that fontconfig finds on the machine if it lacks
        fewer of the characters.

    Raises:
      UserError: the file is not a font.
    """
    if font:
        expected = "a font file, such as .ttf, .otf or .ttc"
        with storage.explained(f"font {font}", expected=expected, remedy="Check --font."):
            return Typeface(size, FontFile(storage.kept_copy(font)))
    own, characters = Typeface(size), set().union(*texts)
    found = _find_font(characters) if own.count_lacking(characters) else None
    try:
        return min(own, Typeface(size, found), key=lambda face: face.count_lacking(characters))
    except OSError:  # a kind of font that Pillow does not read
        return own


def new_sheet(width: int, height: int) -> PIL.Image.Image:
    """Returns an empty RGB picture, pixels [height, width]."""
    return PIL.Image.new("RGB", (width, height), PAPER)


def paste_line(sheet: PIL.Image.Image, at: tuple[int, int], levels: np.ndarray) -> None:
    """Pastes grey levels, uint8 [H, W], unscaled, with a hairline around them."""
    (x, y), (height, width) = at, levels.shape
    PIL.ImageDraw.Draw(sheet).rectangle((x - 1, y - 1, x + width, y + height), outline=RULE)
    sheet.paste(PIL.Image.fromarray(levels), at)


def stack(parts: list[PIL.Image.Image], *, gap: int = MARGIN) -> PIL.Image.Image:
    """Stacks pictures vertically, aligned at the left edge."""
    sheet = new_sheet(max(part.width for part in parts), sum(part.height + gap for part in parts) - gap)
    y = 0
    for part in parts:
        sheet.paste(part, (0, y))
        y += part.height + gap
    return sheet


def frame(picture: PIL.Image.Image, *, margin: int = 2 * MARGIN) -> PIL.Image.Image:
    """Adds a margin of paper on all sides."""
    return PIL.ImageOps.expand(picture, margin, PAPER)


def save_png(sheet: PIL.Image.Image, path: str) -> None:
    """Writes a picture as a PNG file in one atomic step."""
    data = io.BytesIO()
    sheet.save(data, "PNG", optimize=True)
    storage.write_atomically(path, data.getvalue())


def _find_font(characters: set[str]) -> FontFile | None:
    """Returns the font that fontconfig finds for some characters; None without a font or fontconfig."""
    codes = " ".join(f"{ord(c):x}" for c in sorted(characters)[:4096] if c.isprintable())
    command = ["fc-match", "--format=%{file}\n%{index}", f":charset={codes}:scalable=True:color=False"]
    try:
        # Its first run on a machine may scan all fonts.
        out = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.decode()
        path, index = out.split("\n")
        return FontFile(path, int(index))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
