"""Some hundred small image files, from a seed: every format, mode, depth and oddity, sound and damaged."""

import itertools
from collections.abc import Iterator

import numpy as np
import PIL.Image

from tests.pipeline.zoo.bmp import make_bmps
from tests.pipeline.zoo.jpeg import make_jpegs, make_odd_jpegs, make_turned_jpegs
from tests.pipeline.zoo.pictures import HEIGHT, WIDTH, draw, save
from tests.pipeline.zoo.png import make_odd_pngs, make_pngs, make_turned_pngs

_MODES = {
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"),
    "WEBP": ("L", "RGB", "RGBA"),
    "PPM": ("1", "L", "RGB"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA"),
    "AVIF": ("L", "RGB", "RGBA"),
    "PCX": ("L", "RGB"),
    "TGA": ("RGB",),
    "ICO": ("RGBA",),
}
_NO_IMAGES = {
    "empty": b"",
    "text": b"a text that is as long as an image",
    "HTML": b"<!doctype html><html>" + bytes(40),
    "zeros": bytes(100),
    "magic number of a JPEG": b"\xff\xd8\xff" + bytes(40),
    "magic number of a PNG": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "magic number of a BMP": b"BM" + bytes(60),
}
_TO_DAMAGE = ("JPEG/L 4:4:4", "JPEG/RGB 4:2:0 progressive", "PNG/RGB", "PNG/P", "BMP/L", "BMP/RGB")


def make_zoo() -> dict[str, bytes]:
    """Returns the files by name, FORMAT/WHAT."""
    groups = [
        ("JPEG", itertools.chain(make_jpegs(), make_odd_jpegs(), make_turned_jpegs())),
        ("PNG", itertools.chain(make_pngs(), make_odd_pngs(), make_turned_pngs())),
        ("BMP", make_bmps()),
        ("GIF", _make_gifs()),
        ("none", iter(_NO_IMAGES.items())),
        *((kind, _save_modes(kind)) for kind in _MODES),
    ]
    zoo = {f"{kind}/{name}": data for kind, files in groups for name, data in files}
    return {**zoo, **{f"{name}, {how}": data for name in _TO_DAMAGE for how, data in _damage(zoo[name])}}


def _save_modes(kind: str) -> Iterator[tuple[str, bytes]]:
    for mode in _MODES[kind]:
        yield mode, save(draw(mode), kind)


def _make_gifs() -> Iterator[tuple[str, bytes]]:
    for mode, interlace in itertools.product(("1", "L", "P", "RGB", "RGBA"), (0, 1)):
        yield f"{mode}, interlace {interlace}", save(draw(mode), "GIF", interlace=interlace)
    paper = PIL.Image.new("P", (WIDTH, HEIGHT), 0)
    paper.putpalette([255, 255, 255, 0, 0, 0])
    paper.paste(1, (3, 3, 20, 9))
    yield "transparent paper", save(paper, "GIF", transparency=0)
    yield "animated", save(draw("L"), "GIF", save_all=True, append_images=[draw("L", 2)])


def _damage(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Cuts a file, and flips bits of it."""
    random = np.random.default_rng(len(data))
    for share in (0.05, 0.3, 0.6, 0.9, 0.97):
        yield f"cut at {share}", data[: int(len(data) * share)]
    for tail in (1, 2, 4, 12):
        yield f"without its last {tail} bytes", data[:-tail]
    for flip in range(12):
        changed = bytearray(data)
        changed[random.integers(len(data))] ^= 1 << int(random.integers(8))
        yield f"flip {flip}", bytes(changed)
