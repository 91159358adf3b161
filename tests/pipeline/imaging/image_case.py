"""A test of refused images, and the images that several tests read."""

import io
import struct
import zlib

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.geometry import Geometry
from tests.samples import draw_levels

LINES, ANY_WIDTH = Geometry(32, 280), Geometry(32, 0)
MAY_WARN = pytest.mark.filterwarnings("ignore:::PIL")  # Pillow warns of broken or unusual files
DEEP = draw_levels(2, 8, 40).astype(np.uint16) << 8 | 200


def save(image: PIL.Image.Image, kind: str, **options) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def draw_picture(mode: str, number: int = 3) -> PIL.Image.Image:
    """Random pixels in a mode; a palette picture gets colours of its own."""
    colours = np.random.default_rng(number).integers(0, 256, (8, 40, 3), dtype=np.uint8)
    picture = PIL.Image.fromarray(colours)
    if mode == "RGBA":
        picture.putalpha(PIL.Image.fromarray(draw_levels(4, 8, 40)))
        return picture
    return picture.convert("P", palette=PIL.Image.Palette.ADAPTIVE) if mode == "P" else picture.convert(mode)


def make_png(
    width: int, height: int, *, bits: int = 8, colour: int = 0, pixels: bytes = b"", **chunks
) -> bytes:
    """A PNG put together by hand: its rows with their filter bytes, and chunks that come before them."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    before = b"".join(chunk(name.encode(), data) for name, data in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


class ImageTest(parameterized.TestCase, tf.test.TestCase):
    def assert_refused(self, reason: str, detail: str, call, *args):
        with self.assertRaises(Refused) as caught:
            call(*args)
        self.assertEqual(caught.exception.reason, reason)
        self.assertRegex(caught.exception.detail, detail)
