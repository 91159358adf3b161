"""PNG files of every kind."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
import PIL.Image

from tests.pipeline.zoo.pictures import HEIGHT, WIDTH, draw, make_exif, save

# Channels of the colour types: grey, RGB, palette, grey with alpha, RGB with alpha.
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def make_pngs() -> Iterator[tuple[str, bytes]]:
    """Of every depth and colour, with chunks that describe either."""
    random = np.random.default_rng(0)
    palette = random.integers(0, 256, 768, dtype=np.uint8).tobytes()
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    for colour, depth in ((colour, depth) for colour, some in depths.items() for depth in some):
        channels = CHANNELS[colour]
        pixels = random.integers(0, 256, (HEIGHT, 40 * channels * depth // 8), dtype=np.uint8)
        chunks = {"PLTE": palette[: 3 << depth]} if colour == 3 else {}
        kinds = {"plain": {}, "gAMA": {"gAMA": struct.pack(">I", 100000)}, "sRGB": {"sRGB": b"\0"}}
        if colour in (0, 2):
            kinds["tRNS"] = {"tRNS": random.integers(0, 2, 2 * channels, dtype=np.uint8).tobytes()}
        if colour == 3:
            kinds |= {"tRNS": {"tRNS": b"\0"}, "tRNS of all": {"tRNS": random.bytes(1 << depth)}}
        if depth == 16:
            kinds["sBIT"] = {"sBIT": bytes([12] * channels)}
        for name, more in kinds.items():
            yield (
                f"PNG/{depth} bits, colour {colour}, {name}",
                make_png(pixels, depth=depth, colour=colour, **chunks, **more),
            )
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        yield f"{mode}", save(draw(mode), "PNG")
        yield f"{mode} optimized", save(draw(mode), "PNG", optimize=True)


def make_odd_pngs() -> Iterator[tuple[str, bytes]]:
    """Interlaced, animated, with unusual chunks, with an alpha channel that matters, deep."""
    plain = save(draw("L"), "PNG")
    yield "interlaced", _interlace(np.asarray(draw("L")))
    yield "animated", save(draw("L"), "PNG", save_all=True, append_images=[draw("L", 2)])
    yield (
        "PNG/animated, with a default",
        save(draw("L"), "PNG", save_all=True, append_images=[draw("L", 2)], default_image=True),
    )
    for name in (b"iCCP", b"bKGD", b"tEXt", b"pHYs", b"abCd", b"ABCD"):
        yield f"an odd {name.decode()}", insert_chunk(plain, name, b"a\0\0\0")
    yield "several IDAT", _split_pixels(plain)
    yield "no IEND", plain[:-12]
    yield "bytes behind the end", plain + b"more"
    yield (
        "PNG/two PLTE",
        insert_chunk(insert_chunk(save(draw("P"), "PNG"), b"PLTE", bytes(9)), b"PLTE", bytes(9)),
    )
    short = make_png(np.full((HEIGHT, WIDTH), 200, np.uint8), depth=8, colour=3, PLTE=bytes(range(9)))
    yield "an index beyond the palette", short
    for seed, alpha in enumerate(("drawn", "all", "none")):
        picture = draw("RGBA", seed)
        if alpha != "drawn":
            picture.putalpha(255 if alpha == "all" else 0)
        yield f"alpha {alpha}", save(picture, "PNG")
    hidden = draw("L")
    for mode, grey in (("RGBA", (0, 0, 0)), ("LA", (0,))):
        picture = PIL.Image.new(mode, hidden.size, (*grey, 0))
        picture.putalpha(hidden)
        yield f"{mode}, a text of alpha", save(picture, "PNG")
    noisy = np.random.default_rng(0).integers(0, 3, (HEIGHT, WIDTH), dtype=np.uint8)
    picture = PIL.Image.merge("LA", [PIL.Image.fromarray(noisy), hidden])
    yield "LA, a text of alpha on noise", save(picture, "PNG")
    yield (
        "PNG/palette, a text of alpha",
        make_png(
            np.random.default_rng(0).integers(0, 2, (HEIGHT, WIDTH), dtype=np.uint8),
            depth=8,
            colour=3,
            PLTE=bytes(6),
            tRNS=b"\0\xff",
        ),
    )
    for bits in (10, 12, 14):
        deep = np.asarray(hidden).astype(">u2") << (bits - 8)
        yield f"{bits} bits in 16", make_png(deep.astype(">u2").view(np.uint8), depth=16, colour=0)


def _split_pixels(data: bytes) -> bytes:
    start = data.index(b"IDAT")
    size = int.from_bytes(data[start - 4 : start], "big")
    pixels = data[start + 4 : start + 4 + size]
    parts = b"".join(make_chunk(b"IDAT", pixels[k : k + 50]) for k in range(0, size, 50))
    return data[: start - 4] + parts + data[start + 8 + size :]


def _interlace(levels: np.ndarray) -> bytes:
    """Adam7."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    raw = b"".join(
        b"\0" + row.tobytes()
        for top, left, down, right in passes
        for row in levels[top::down, left::right]
        if len(row)
    )
    header = struct.pack(">IIBBBBB", *levels.shape[::-1], 8, 0, 0, 0, 1)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(make_chunk(*chunk) for chunk in chunks)


def make_turned_pngs() -> Iterator[tuple[str, bytes]]:
    """With an orientation in EXIF data, in XMP, in both."""
    plain, exif = save(draw("L"), "PNG"), make_exif(6)[6:]
    for orientation in range(10):
        for order in "<>":
            yield f"EXIF {orientation} {order}", insert_chunk(plain, b"eXIf", make_exif(orientation, order)[6:])
    yield "EXIF of another type", insert_chunk(plain, b"eXIf", make_exif(6, short=False)[6:])
    yield "EXIF with a JPEG's head", insert_chunk(plain, b"eXIf", make_exif(6))
    yield "EXIF behind the pixels", insert_chunk(plain, b"eXIf", exif, before=b"IEND")
    yield "EXIF behind a text", insert_chunk(insert_chunk(plain, b"tEXt", b"a\0b"), b"eXIf", exif)
    xmp = b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>'
    bare = insert_chunk(plain, b"eXIf", make_exif(6, tag=0x0113)[6:])
    yield "XMP", insert_chunk(plain, b"iTXt", xmp)
    yield "XMP and EXIF", insert_chunk(bare, b"iTXt", xmp)
    packed = xmp[:18] + b"\1\0\0\0" + zlib.compress(xmp[22:])
    yield "compressed XMP and EXIF", insert_chunk(bare, b"iTXt", packed)


def make_png(
    pixels: np.ndarray, *, depth: int, colour: int, interlaced: bool = False, **chunks: bytes
) -> bytes:
    """A PNG of packed rows, uint8 [H, bytes]; `chunks` come before the pixels."""
    height, row = pixels.shape
    width = row * 8 // (depth * CHANNELS[colour])
    raw = b"".join(b"\0" + line.tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    body = [(b"IHDR", header), *((name.encode(), data) for name, data in chunks.items())]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        make_chunk(*part) for part in [*body, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    )


def make_chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def insert_chunk(data: bytes, name: bytes, content: bytes, before: bytes = b"IDAT") -> bytes:
    """A PNG with one more chunk."""
    place = data.index(before) - 4
    return data[:place] + make_chunk(name, content) + data[place:]
