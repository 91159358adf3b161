"""BMP files of every depth, header, palette and compression."""

import struct
from collections.abc import Iterator

import numpy as np

from tests.pipeline.zoo.pictures import HEIGHT, WIDTH, draw, save


def make_bmps() -> Iterator[tuple[str, bytes]]:
    """Of every depth, header, palette and compression."""
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield f"{mode}", save(draw(mode), "BMP")
    random = np.random.default_rng(4)
    for bits in (1, 2, 4, 8, 16, 24, 32):
        for height in (HEIGHT, -HEIGHT):
            for header in (12, 40, 52, 56, 64, 108, 124):
                name = f"{bits} bits, height {height}, header {header}"
                yield name, _make_bmp(random, bits, height, header)
    for colours in (1, 3, 100, 256, 300):
        yield f"{colours} colours", _make_bmp(random, 8, HEIGHT, 40, colours=colours)
    yield "colours of grey", _make_bmp(random, 8, HEIGHT, 40, grey=True)
    yield "colours of two greys", _make_bmp(random, 8, HEIGHT, 40, colours=2, grey=True)
    yield "a gap before the pixels", _make_bmp(random, 8, HEIGHT, 40, gap=12)
    yield "24 bits, a gap before the pixels", _make_bmp(random, 24, HEIGHT, 40, gap=12)
    for compression, bits in ((1, 8), (2, 4), (3, 16), (3, 32), (4, 24), (6, 32)):
        for header in (40, 56, 124):
            name = f"{bits} bits, compression {compression}, header {header}"
            yield name, _make_bmp(random, bits, HEIGHT, header, compression=compression)
    for size in ((1, 1), (2, 3), (3, 5)):
        yield f"{size}", save(draw("L").resize(size), "BMP")
        yield f"{size} RGB", save(draw().resize(size), "BMP")


def _make_bmp(
    random,
    bits: int,
    height: int,
    header: int,
    *,
    compression: int = 0,
    colours: int = 0,
    gap: int = 0,
    grey: bool = False,
) -> bytes:
    rows = random.integers(0, 256, (abs(height), (WIDTH * bits + 31) // 32 * 4), dtype=np.uint8)
    if 0 < colours < 256:
        rows = rows % np.uint8(colours)
    count = (colours or 1 << bits) if bits <= 8 else 0
    table = random.integers(0, 256, (count, 3 if header == 12 else 4), dtype=np.uint8)
    if grey:
        table[:] = np.linspace(0, 255, count).astype(np.uint8)[:, None]
    masks = b"".join(
        struct.pack("<I", m)
        for m in ((0xF800, 0x7E0, 0x1F) if bits == 16 else (0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    )
    if header == 12:
        info = struct.pack("<IHhHH", 12, WIDTH, height, 1, bits)
    else:
        info = struct.pack(
            "<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, 0, 2835, 2835, colours, 0
        )
        info += (masks + bytes(84))[: header - 40]
    extra = masks[:12] if compression == 3 and header == 40 else b""
    start = 14 + len(info) + len(extra) + table.size + gap
    head = b"BM" + struct.pack("<IHHI", start + rows.size, 0, 0, start)
    return head + info + extra + table.tobytes() + bytes(gap) + rows.tobytes()
