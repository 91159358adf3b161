"""Lines of digits in Pillow's own font, drawn as pictures with lists and a charset."""

import io

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFilter
import PIL.ImageFont

from pipeline import storage
from pipeline.charset import Charset
from pipeline.images import Geometry
from pipeline.progress import Progress

DIGITS = Charset("0123456789")


def draw_lists(*, output: str, counts: dict[str, int], geometry: Geometry, seed: int) -> None:
    """Draws `counts[split]` lines for each split, no two alike, and writes SPLIT.txt for each."""
    storage.make_folder(storage.join(output, "images"))
    DIGITS.write(storage.join(output, "charset.txt"))
    total, drawn = sum(counts.values()), 0
    progress = Progress("draw", total, "lines")
    for split, count in counts.items():
        rows = []
        for _ in range(count):
            rows.append(_save_line(output, drawn, geometry, seed))
            drawn += 1
            progress.show(drawn)
        storage.write_atomically(storage.join(output, f"{split}.txt"), "".join(rows).encode())
    progress.close(total)


def draw_line(text: str, geometry: Geometry, random: np.random.Generator) -> PIL.Image.Image:
    """A grey picture of a text in Pillow's own font; size, place, shades, blur and noise are random."""
    paper, ink = int(random.integers(180, 256)), int(random.integers(0, 90))
    if random.random() < 0.1:
        paper, ink = ink, paper
    image = PIL.Image.new("L", (geometry.width, geometry.height), paper)
    font = _fit_font(text, geometry, int(random.integers(geometry.height * 3 // 4, geometry.height)))
    left, top, right, bottom = font.getbbox(text)
    x = random.integers(2, max(3, geometry.width - (right - left) - 1)) - left
    y = random.integers(1, max(2, geometry.height - (bottom - top))) - top
    PIL.ImageDraw.Draw(image).text((int(x), int(y)), text, fill=ink, font=font)
    image = image.filter(PIL.ImageFilter.GaussianBlur(random.uniform(0, 0.9)))
    noise = random.normal(0, random.uniform(0, 12), (geometry.height, geometry.width))
    return PIL.Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def _save_line(output: str, number: int, geometry: Geometry, seed: int) -> str:
    """Draws and saves one line; returns its row of the list, `name id id ...`."""
    random = np.random.default_rng([seed, number])
    text = "".join(DIGITS.characters[k] for k in random.integers(0, 10, random.integers(3, 5)))
    data = io.BytesIO()
    draw_line(text, geometry, random).save(data, "JPEG", quality=int(random.integers(60, 96)))
    storage.write_atomically(storage.join(output, f"images/{number:06d}.jpg"), data.getvalue())
    return f"{number:06d}.jpg {' '.join(str(k + 1) for k in DIGITS.encode(text))}\n"


def _fit_font(text: str, geometry: Geometry, size: int) -> PIL.ImageFont.FreeTypeFont:
    """Pillow's font at the wanted size, or smaller where the text would not fit."""
    while True:
        font = PIL.ImageFont.load_default(size)
        left, top, right, bottom = font.getbbox(text)
        if (right - left < geometry.width - 4 and bottom - top < geometry.height - 1) or size <= 8:
            return font
        size -= 1
