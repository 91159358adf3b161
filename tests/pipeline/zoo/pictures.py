"""What the files of the zoo show, and the EXIF data in some of them."""

import io
import struct

import numpy as np
import PIL.Image

HEIGHT, WIDTH = 13, 37  # no multiples of a JPEG's blocks or of a BMP's words


def draw(mode: str = "RGB", seed: int = 1) -> PIL.Image.Image:
    """Smooth colours with some noise, in a mode of Pillow."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (4, 9, 4), dtype=np.uint8)
    smooth = np.asarray(PIL.Image.fromarray(small, "RGBA").resize((WIDTH, HEIGHT)))
    noise = random.integers(-20, 20, (HEIGHT, WIDTH, 4))
    picture = PIL.Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8), "RGBA")
    if mode == "P":
        return picture.convert("RGB").convert("P", palette=PIL.Image.Palette.ADAPTIVE, colors=60)
    if mode == "I;16":
        return PIL.Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 251)
    return picture if mode == "RGBA" else picture.convert("RGB").convert(mode)


def save(picture: PIL.Image.Image, kind: str, **options) -> bytes:
    """Returns the bytes of a file that Pillow writes."""
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def make_exif(orientation: int, order: str = ">", *, short: bool = True, tag: int = 0x0112) -> bytes:
    """EXIF data with a maker and an orientation, in either byte order."""
    value = struct.pack(order + ("HH" if short else "I"), *((orientation, 0) if short else (orientation,)))
    maker = struct.pack(order + "HHI", 0x010F, 2, 4) + b"abc\0"
    turn = struct.pack(order + "HHI", tag, 3 if short else 4, 1) + value
    head = (b"MM" if order == ">" else b"II") + struct.pack(order + "HIH", 42, 8, 2)
    return b"Exif\0\0" + head + maker + turn + bytes(4)
