"""JPEG files of every kind."""

import itertools
import struct
from collections.abc import Iterator

import PIL.Image

from tests.pipeline.zoo.pictures import draw, make_exif, save


def make_jpegs() -> Iterator[tuple[str, bytes]]:
    """Of every mode, sampling and kind of coding."""
    samplings = [("L", "4:4:4"), ("CMYK", "4:4:4"), *(("RGB", name) for name in ("4:4:4", "4:2:2", "4:2:0"))]
    codings = [{}, {"progressive": True}, {"quality": 30, "optimize": True}, {"restart_marker_blocks": 1}]
    for (mode, subsampling), options in itertools.product(samplings, codings):
        name = " ".join([mode, subsampling, *options])
        yield name, save(draw(mode), "JPEG", subsampling=subsampling, **options)
    black = PIL.Image.merge("CMYK", [draw("L", seed) for seed in range(4)])
    yield "CMYK with black", save(black, "JPEG")
    yield "RGB without YCbCr", save(draw(), "JPEG", keep_rgb=True)
    yield "CMYK without Adobe", remove_segment(save(draw("CMYK"), "JPEG"), 0xEE)
    yield "YCCK", _set_transform(save(draw("CMYK"), "JPEG"), 2)
    yield "RGB, Adobe's transform 1", insert_segment(save(draw(), "JPEG"), 0xEE, b"Adobe\0d\0\0\0\0\1")
    yield "RGB, Adobe's transform 0", insert_segment(save(draw(), "JPEG"), 0xEE, b"Adobe\0d\0\0\0\0\0")
    yield "no JFIF", remove_segment(save(draw(), "JPEG"), 0xE0)
    yield "grey, Adobe's transform 0", insert_segment(save(draw("L"), "JPEG"), 0xEE, b"Adobe\0d\0\0\0\0\0")
    for size in ((1, 1), (1, 300), (300, 1), (8, 8), (17, 16)):
        for subsampling in ("4:4:4", "4:2:0", "4:2:2"):
            yield f"{size} {subsampling}", save(draw().resize(size), "JPEG", subsampling=subsampling)


def _set_transform(data: bytes, transform: int) -> bytes:
    place = data.index(b"Adobe") + 11
    return data[:place] + bytes([transform]) + data[place + 1 :]


def make_odd_jpegs() -> Iterator[tuple[str, bytes]]:
    """With unusual headers, or more than one picture."""
    plain = save(draw(), "JPEG", subsampling="4:4:4")
    frame = plain.index(b"\xff\xc0")
    for name, factors in (("4:1:1", 0x41), ("4:4:0", 0x12), ("4:1:0", 0x42), ("3:1", 0x31)):
        yield name, plain[: frame + 11] + bytes([factors]) + plain[frame + 12 :]
    yield "12 bits", plain[: frame + 4] + b"\x0c" + plain[frame + 5 :]
    yield "arithmetic coding", plain[: frame + 1] + b"\xc9" + plain[frame + 2 :]
    yield "lossless", plain[: frame + 1] + b"\xc3" + plain[frame + 2 :]
    yield "height by DNL", plain[: frame + 5] + b"\0\0" + plain[frame + 7 :]
    yield "a comment", insert_segment(plain, 0xFE, b"\xff\xd8 a comment")
    yield "ICC", insert_segment(plain, 0xE2, b"ICC_PROFILE\0\1\1" + bytes(200))
    yield "fill bytes", plain[:2] + b"\xff\xff" + plain[2:]
    yield "bytes between segments", plain[:2] + b"abc" + plain[2:]
    yield "bytes behind the end", plain + b"more"
    yield "two pictures", save(draw(), "MPO", save_all=True, append_images=[draw(seed=2)])
    yield "another JPEG behind", plain + save(draw(seed=2), "JPEG")
    yield "a thumbnail in EXIF", insert_segment(plain, 0xE1, make_exif(1) + save(draw(seed=2), "JPEG"))


def make_turned_jpegs() -> Iterator[tuple[str, bytes]]:
    """With an orientation in EXIF data, in XMP, in both."""
    plain, exif = save(draw(), "JPEG"), make_exif(6)
    turned = insert_segment(plain, 0xE1, exif)
    for orientation in range(10):
        for order in "<>":
            yield f"EXIF {orientation} {order}", insert_segment(plain, 0xE1, make_exif(orientation, order))
    yield "EXIF behind JFIF", plain[:20] + turned[2 : len(exif) + 6] + plain[20:]
    yield "EXIF behind ICC", insert_segment(turned, 0xE2, b"ICC_PROFILE\0\1\1" + bytes(200))
    yield "EXIF twice", insert_segment(turned, 0xE1, make_exif(3))
    yield "EXIF in another segment", insert_segment(plain, 0xE5, exif)
    yield "EXIF of another type", insert_segment(plain, 0xE1, make_exif(6, short=False))
    yield "EXIF behind fill bytes", plain[:2] + b"\xff" + turned[2:]
    yield "EXIF in a segment without length", turned[:4] + b"\0\1" + turned[6:]
    yield "EXIF that is cut", insert_segment(plain, 0xE1, exif[:24])
    yield (
        "EXIF with a value beyond its end",
        insert_segment(plain, 0xE1, exif.replace(b"\0\0\0\4abc", b"\0\0\x4d\4abc")),
    )
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'
    yield "XMP", insert_segment(plain, 0xE1, xmp)
    yield "XMP and EXIF", insert_segment(insert_segment(plain, 0xE1, xmp), 0xE1, make_exif(6, tag=0x0113))


def insert_segment(data: bytes, marker: int, content: bytes) -> bytes:
    """A JPEG with one more segment at its beginning."""
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content + data[2:]


def remove_segment(data: bytes, marker: int) -> bytes:
    """A JPEG without the first segment of a kind."""
    place = data.index(bytes([0xFF, marker]))
    return data[:place] + data[place + 2 + int.from_bytes(data[place + 2 : place + 4], "big") :]
