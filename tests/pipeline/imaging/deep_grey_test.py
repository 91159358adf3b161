"""Grey of more than eight bits in files of TIFF and PGM: the high bits count."""

import struct

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from tests.samples import draw_levels


def write_deep_tiff(levels: np.ndarray, bits: int, photometric: int) -> bytes:
    """A TIFF of one uncompressed strip of grey levels, 12 bits packed or 16."""
    height, width = levels.shape
    if bits == 12:
        pairs = levels.astype(np.uint32).reshape(-1, 2)
        packed = (pairs[:, 0] << 12 | pairs[:, 1]).astype(">u4")
        pixels = packed.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    else:
        pixels = levels.astype("<u2").tobytes()
    tags = {
        256: width,
        257: height,
        258: bits,
        259: 1,
        262: photometric,
        273: 8,
        277: 1,
        278: height,
        279: len(pixels),
    }
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory


class DeepGreyTest(parameterized.TestCase, tf.test.TestCase):
    """Grey of more than eight bits."""

    @parameterized.parameters((12, 1, False), (16, 1, False), (16, 0, True))
    def test_the_high_bits_of_a_tiff_count_whichever_end_is_white(self, bits, photometric, inverted):
        levels = draw_levels(1, 8, 40)
        deep = levels.astype(np.uint16) << (bits - 8) | 5
        read = images.decode(write_deep_tiff(deep, bits, photometric))
        self.assertAllEqual(read, 255 - levels if inverted else levels)

    def test_the_high_byte_of_a_16_bit_pgm_counts(self):
        levels = draw_levels(1, 8, 40)
        data = b"P5 40 8 65535\n" + (levels.astype(np.uint16) << 8 | 7).astype(">u2").tobytes()
        self.assertAllEqual(images.decode(data), levels)


if __name__ == "__main__":
    tf.test.main()
