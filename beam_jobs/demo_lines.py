"""Draws lines of digits as JPEG files, with lists and a charset, for a first run without any data.

    python -m beam_jobs.demo_lines --output=demo/lines

Leaves images/, train.txt and test.txt in the notebook's format, and charset.txt.
"""

import io

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFilter
import PIL.ImageFont
from absl import flags

from pipeline import command, storage
from pipeline.charset import Charset
from pipeline.images import Geometry
from pipeline.progress import Progress

DIGITS = Charset("0123456789")

_OUTPUT = flags.DEFINE_string("output", None, "Folder for images, lists and charset.", required=True)
_TRAIN = flags.DEFINE_integer("train", 6000, "Lines in train.txt.", lower_bound=1)
_TEST = flags.DEFINE_integer("test", 500, "Lines in test.txt.", lower_bound=1)
_IMAGE_HEIGHT = flags.DEFINE_integer("image_height", 32, "Height of a line in pixels.")
_IMAGE_WIDTH = flags.DEFINE_integer("image_width", 88, "Width of a line in pixels.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of texts and looks.", lower_bound=0)


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


def main() -> None:
    """Draws as the flags say."""
    draw_lists(
        output=_OUTPUT.value,
        counts={"train": _TRAIN.value, "test": _TEST.value},
        geometry=Geometry(_IMAGE_HEIGHT.value, _IMAGE_WIDTH.value),
        seed=_SEED.value,
    )


def run() -> None:
    """Entry point."""
    command.run(main)


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


if __name__ == "__main__":
    run()
