"""Decoding, grey levels, normalising and its inverse."""

import builtins
import errno
import io
import os
import random
import struct
import zlib
from unittest import mock

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.images import FORMATS
from densenet_ocr.pipeline.imaging import fitting
from tests.samples import draw_levels, encode_image

LEVELS = np.arange(256, dtype=np.uint8)
LINES, ANY_WIDTH = Geometry(32, 280), Geometry(32, 0)
MAY_WARN = pytest.mark.filterwarnings("ignore:::PIL")  # Pillow warns of broken or unusual files
DEEP = draw_levels(2, 8, 40).astype(np.uint16) << 8 | 200

# What a viewer shows of an image whose EXIF has this number.
TURNED = {
    1: lambda levels: levels,
    2: lambda levels: levels[:, ::-1],
    3: lambda levels: levels[::-1, ::-1],
    4: lambda levels: levels[::-1],
    5: lambda levels: levels.T,
    6: lambda levels: np.rot90(levels, -1),
    7: lambda levels: levels[::-1, ::-1].T,
    8: lambda levels: np.rot90(levels),
}


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


def make_exif(orientation: int) -> bytes:
    exif = PIL.Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x011A] = "maker", orientation, 72.0
    exif[0x8769] = {0x9000: b"0230", 0x927C: b"a note"}
    return exif.tobytes()


def make_png(
    width: int, height: int, *, bits: int = 8, colour: int = 0, pixels: bytes = b"", **chunks
) -> bytes:
    """A PNG put together by hand: its rows with their filter bytes, and chunks that come before them."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    before = b"".join(chunk(name.encode(), data) for name, data in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


class NormaliseTest(tf.test.TestCase):
    def test_equals_the_notebooks_arithmetic_to_the_bit(self):
        image = PIL.Image.fromarray(LEVELS.reshape(16, 16))
        expected = np.array(image, "f") / 255.0 - 0.5
        tensor = images.normalise(LEVELS.reshape(16, 16))
        self.assertEqual(tensor.dtype, np.float32)
        self.assertEqual(tensor.tobytes(), expected.tobytes())

    def test_denormalise_restores_every_level(self):
        levels = images.denormalise(images.normalise(LEVELS))
        self.assertEqual(levels.dtype, np.uint8)
        self.assertAllEqual(levels, LEVELS)

    def test_denormalise_accepts_tensors_of_any_shape(self):
        tensor = tf.constant(images.normalise(LEVELS).reshape(2, 8, 16, 1))
        self.assertAllEqual(images.denormalise(tensor), LEVELS.reshape(2, 8, 16, 1))


class ImageTest(parameterized.TestCase, tf.test.TestCase):
    def assert_refused(self, reason: str, detail: str, call, *args):
        with self.assertRaises(Refused) as caught:
            call(*args)
        self.assertEqual(caught.exception.reason, reason)
        self.assertRegex(caught.exception.detail, detail)


class DecodeTest(ImageTest):
    @parameterized.parameters(
        ("RGB", "JPEG"),
        ("RGB", "JPEG", {"progressive": True}),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGB", "PNG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("RGBA", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG", {"transparency": 3}),
        ("P", "PNG", {"transparency": bytes(range(100))}),
        ("RGB", "PNG", {"transparency": (1, 2, 3)}),
        ("L", "PNG", {"transparency": 7}),
        ("P", "GIF"),
        ("RGBA", "GIF"),
        ("RGB", "BMP"),
        ("P", "BMP"),
        ("1", "BMP"),
        ("CMYK", "TIFF"),
        ("RGBA", "TIFF", {"compression": "tiff_lzw"}),
        ("1", "TIFF", {"compression": "group4"}),
        ("RGB", "WEBP"),
        ("RGBA", "WEBP", {"lossless": True}),
        ("RGB", "PPM"),
        ("L", "PPM"),
        ("1", "PPM"),
        ("RGB", "JPEG2000"),
        ("LA", "JPEG2000"),
        ("RGB", "AVIF"),
        ("RGBA", "AVIF"),
    )
    @MAY_WARN
    def test_decodes_as_pillow_converts_to_grey(self, mode, kind, options=None):
        data = save(draw_picture(mode), kind, **(options or {}))
        levels = images.decode(data)
        self.assertEqual((levels.dtype, levels.shape), (np.uint8, (8, 40)))
        self.assertAllEqual(levels, PIL.Image.open(io.BytesIO(data)).convert("L"))
        self.assertAllEqual(levels, images.decode_line(data, Geometry(8, 40), "exact"))

    def test_grey_levels_of_a_png_are_those_that_were_drawn(self):
        self.assertAllEqual(images.decode(encode_image(draw_levels(1))), draw_levels(1))

    @parameterized.named_parameters(
        ("png", save(PIL.Image.fromarray(DEEP), "PNG")),
        ("tiff", save(PIL.Image.fromarray(DEEP), "TIFF")),
        ("big_endian_tiff", save(PIL.Image.fromarray(DEEP.astype(">u2")), "TIFF")),
        ("jpeg2000", save(PIL.Image.fromarray(DEEP), "JPEG2000")),
    )
    def test_16_bit_grey_becomes_its_high_byte(self, data):
        self.assertAllEqual(images.decode(data), draw_levels(2, 8, 40))
        self.assertAllEqual(images.decode_line(data, Geometry(8, 40), "exact"), draw_levels(2, 8, 40))

    def test_16_bit_colour_and_grey_with_alpha_give_their_high_bytes(self):
        colour = make_png(2, 1, bits=16, colour=2, pixels=b"\0" + bytes([9, 200] * 3 + [255, 1] * 3))
        alpha = make_png(2, 1, bits=16, colour=4, pixels=b"\0" + bytes([9, 200, 0, 0, 255, 1, 255, 0]))
        for data in (colour, alpha):
            self.assertAllEqual(images.decode(data), [[9, 255]])

    def test_grey_of_less_than_8_bits_reaches_from_black_to_white(self):
        self.assertAllEqual(images.decode(make_png(4, 1, bits=2, pixels=b"\0\x1b")), [[0, 85, 170, 255]])
        self.assertAllEqual(images.decode(b"P5 2 1 100\n\0\x64"), [[0, 255]])

    @parameterized.parameters(
        ("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PNG", {"default_image": True})
    )
    def test_of_several_pictures_the_first_counts(self, kind, options):
        first, second = draw_picture("L", 5), draw_picture("L", 6)
        data = save(first, kind, save_all=True, append_images=[second], **options)
        self.assertAllEqual(images.decode(data), first)

    @parameterized.parameters(np.int32, np.float32)
    def test_refuses_pixels_that_convert_would_clip(self, dtype):
        data = save(PIL.Image.fromarray(np.full((8, 40), 1000, dtype)), "TIFF")
        self.assert_refused(
            "unsupported_image", "^pixels of mode [IF], which has no 8-bit grey$", images.decode, data
        )

    def test_refuses_pixels_that_pillow_cannot_make_grey(self):
        data = save(PIL.Image.new("LAB", (40, 8)), "TIFF")
        self.assert_refused("unsupported_image", "mode LAB", images.decode, data)

    @parameterized.parameters(
        ("PNG", {}), ("GIF", {}), ("TIFF", {}), ("JPEG2000", {}), ("WEBP", {"lossless": True, "exact": True})
    )
    def test_refuses_a_text_that_only_its_transparency_shows(self, kind, options):
        picture = PIL.Image.new("RGBA", (40, 8), (0, 0, 0, 0))
        picture.paste((0, 0, 0, 255), (3, 2, 9, 6))
        detail = "^only its transparency shows a text; flatten it onto its paper$"
        self.assert_refused("unsupported_image", detail, images.decode, save(picture, kind, **options))

    def test_refuses_a_palette_that_differs_in_transparency_alone(self):
        data = make_png(4, 1, colour=3, pixels=b"\0\0\1\0\1", PLTE=bytes(6), tRNS=b"\0\xff")
        self.assert_refused("unsupported_image", "transparency", images.decode, data)

    def test_refuses_a_text_that_only_its_transparency_shows_on_noise(self):
        alpha = PIL.Image.fromarray(draw_levels(4, 8, 40))
        noise = np.random.default_rng(0).integers(0, 3, (8, 40, 3), dtype=np.uint8)
        picture = PIL.Image.fromarray(noise)
        picture.putalpha(alpha)
        self.assert_refused("unsupported_image", "transparency", images.decode, save(picture, "PNG"))

    @parameterized.parameters((4, 8), (8, 2), (4, 2))
    def test_refuses_a_bmp_that_pillow_misreads(self, bits, colours):
        row = bytes((40 * bits // 8 + 3) // 4 * 4)
        levels = [0, 255] if colours == 2 else range(colours)
        palette = b"".join(bytes([level] * 3 + [0]) for level in levels)
        start = 54 + len(palette)
        head = b"BM" + struct.pack("<IHHI", start + 8 * len(row), 0, 0, start)
        info = struct.pack("<IiiHHIIiiII", 40, 40, 8, 1, bits, 0, 0, 0, 0, colours, 0)
        self.assert_refused("unsupported_image", "a BMP", images.decode, head + info + palette + 8 * row)

    @parameterized.parameters(0, 255)
    def test_accepts_a_picture_of_one_transparency(self, alpha):
        data = save(PIL.Image.new("LA", (40, 8), (93, alpha)), "PNG")
        self.assertAllEqual(images.decode(data), np.full((8, 40), 93))


class ContrastTest(ImageTest):
    @parameterized.parameters(0, 93, 255)
    def test_a_line_without_contrast_is_refused_for_a_data_set_but_can_be_read(self, grey):
        noise = np.random.default_rng(0).integers(-2, 3, (32, 280))
        levels = np.clip(grey + noise, 0, 255).astype(np.uint8)
        data = encode_image(levels)
        detail = "^all grey levels lie from [0-9]+ to [0-9]+, of 0 to 255$"
        self.assert_refused("no_contrast", detail, images.decode_line, data, LINES, "exact")
        self.assertAllEqual(images.decode(data), levels)

    def test_a_faint_full_stop_has_contrast(self):
        levels = np.full((32, 280), 255, np.uint8)
        levels[24:27, 8:10] = 235
        self.assertAllEqual(images.decode_line(encode_image(levels), LINES, "exact"), levels)

    def test_specks_are_no_text(self):
        levels = np.full((32, 280), 255, np.uint8)
        levels[10, [3, 40, 80, 200]] = 0
        self.assert_refused(
            "no_contrast", "from 255 to 255", images.decode_line, encode_image(levels), LINES, "exact"
        )

    @parameterized.product(bits=[10, 12], kind=["PNG", "TIFF"])
    def test_grey_of_fewer_bits_in_the_low_bits_of_16_is_refused(self, bits, kind):
        picture = PIL.Image.fromarray(DEEP >> (16 - bits))
        detail = f"^grey of {bits} bits in the low bits of 16; scale it to 16 bits$"
        self.assert_refused("no_contrast", detail, images.decode, save(picture, kind))


class DamageTest(ImageTest):
    @parameterized.named_parameters(
        ("a_truncated_png", encode_image(draw_levels(1))[:-900], "truncated"),
        ("a_truncated_jpeg", save(draw_picture("RGB"), "JPEG")[:-200], "truncated"),
        ("a_truncated_webp", save(draw_picture("RGB"), "WEBP", lossless=True)[:-200], "."),
        ("an_empty_file", b"", "^the file is empty$"),
        (
            "text",
            b"no image at all",
            "^15 bytes of no image format that is read here .JPEG, PNG, BMP, GIF, TIF",
        ),
        ("a_png_without_pixels", make_png(0, 5), "no image format"),
    )
    def test_refuses_as_damaged(self, data, detail):
        self.assert_refused("damaged_image", detail, images.decode, data)

    def test_refuses_a_flipped_bit_in_a_png(self):
        data = bytearray(encode_image(draw_levels(1)))
        data[len(data) // 2] ^= 1
        self.assert_refused("damaged_image", ".", images.decode, bytes(data))

    @parameterized.parameters(
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "Git LFS pointer.*git lfs pull"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(80), "an image .HEIC.; convert it to PNG$"),
        (b"<!DOCTYPE html><html>404", "an HTML page"),
    )
    def test_says_what_a_file_is_that_is_no_image(self, data, kind):
        self.assert_refused("damaged_image", f"; it begins like .*{kind}", images.decode, data)

    @parameterized.parameters("EPS", "TGA", "PCX", "SGI")
    def test_does_not_open_other_formats_of_pillow(self, kind):
        detail = f"no image format that is read here .{', '.join(FORMATS)}."
        self.assert_refused("damaged_image", detail, images.decode, save(draw_picture("RGB"), kind))

    @parameterized.parameters(*FORMATS)
    @MAY_WARN
    def test_bytes_changed_anywhere_give_levels_or_a_refusal(self, kind):
        whole, chance = save(draw_picture("RGB"), kind), random.Random(0)
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(chance.choice((1, 2, 4))):
                data[chance.randrange(min(len(data), chance.choice((64, 1000))))] = chance.choice((0, 77, 255))
            try:
                self.assertEqual(images.decode(bytes(data)).dtype, np.uint8)
            except Refused as refusal:
                self.assertIn(refusal.reason, ("damaged_image", "too_large", "unsupported_image"))

    # Above 179 million pixels Pillow itself refuses; the files hold no pixels, so these are not looked for.
    @parameterized.parameters(60000, 6000)
    def test_refuses_a_png_that_claims_more_pixels_than_a_line_has(self, size):
        data = make_png(size, size)
        self.assert_refused("too_large", f"{size}x{size} pixels|{size**2} pixels", images.decode, data)
        for fit in fitting.FITS:
            self.assert_refused("too_large", " pixels", images.decode_line, data, LINES, fit)

    def test_a_line_has_33_million_pixels_at_most(self):
        detail = "^5793x5793 pixels, a line has 33,554,432 at most$"
        self.assert_refused("too_large", detail, images.decode, make_png(5793, 5793))
        self.assert_refused("damaged_image", ".", images.decode, make_png(5792, 5792))


class OrientationTest(ImageTest):
    @parameterized.product(kind=["JPEG", "PNG", "TIFF", "WEBP", "AVIF"], orientation=list(TURNED))
    def test_an_image_that_exif_turns_is_turned(self, kind, orientation):
        options = {"lossless": True} if kind == "WEBP" else {}
        upright = images.decode(save(draw_picture("RGB"), kind, **options))
        data = save(draw_picture("RGB"), kind, exif=make_exif(orientation), **options)
        expected = TURNED[orientation](upright)
        self.assertAllEqual(images.decode(data), expected)
        self.assertAllEqual(images.decode_line(data, Geometry(*expected.shape), "exact"), expected)
        self.assert_refused(
            "wrong_size", "pixels", images.decode_line, data, Geometry(*expected.shape[::-1]), "exact"
        )

    def test_16_bit_grey_is_turned_too(self):
        data = save(PIL.Image.fromarray(DEEP), "PNG", exif=make_exif(6))
        self.assertAllEqual(images.decode(data), TURNED[6](draw_levels(2, 8, 40)))

    @parameterized.parameters(0, 9, 65535)
    def test_a_number_that_exif_does_not_know_turns_nothing(self, orientation):
        data = save(draw_picture("L"), "PNG", exif=make_exif(orientation))
        self.assertAllEqual(images.decode(data), draw_picture("L"))

    @parameterized.product(kind=["JPEG", "PNG", "WEBP"], orientation=list(TURNED))
    def test_exif_with_a_field_of_a_wrong_type_turns_an_image_all_the_same(self, kind, orientation):
        options = {"lossless": True} if kind == "WEBP" else {}
        upright = images.decode(save(draw_picture("L"), kind, **options))
        # A resolution that claims to be a text: it can be read, but not be written again.
        exif = make_exif(orientation).replace(b"\x01\x1a\0\x05", b"\x01\x0e\0\x05")
        self.assertNotEqual(exif, make_exif(orientation))
        data = save(draw_picture("L"), kind, exif=exif, **options)
        self.assertAllEqual(images.decode(data), TURNED[orientation](upright))

    @parameterized.product(kind=["JPEG", "PNG", "WEBP"], orientation=[1, 6])
    @MAY_WARN
    def test_broken_exif_does_not_refuse_a_sound_image(self, kind, orientation):
        whole, chance = make_exif(orientation), random.Random(1)
        options = {"lossless": True} if kind == "WEBP" else {}
        upright = images.decode(save(draw_picture("L"), kind, **options))
        for _ in range(150):
            exif = bytearray(whole)
            for _ in range(chance.choice((1, 2, 5))):
                exif[chance.randrange(6, len(exif))] = chance.randrange(256)
            exif = exif[: chance.choice((len(exif), chance.randrange(6, len(exif))))]
            data = save(draw_picture("L"), kind, exif=bytes(exif), **options)
            levels = images.decode(data)
            self.assertTrue(any(np.array_equal(levels, turn(upright)) for turn in TURNED.values()))
            self.assertAllEqual(images.decode_line(data, Geometry(*levels.shape), "exact"), levels)

    @parameterized.parameters("resize", "pad")
    def test_an_image_is_turned_before_it_is_fitted(self, fit):
        upright = draw_levels(1, 60, 30)
        data = save(PIL.Image.fromarray(upright), "PNG", exif=make_exif(8))
        expected = fitting.fit_line(TURNED[8](upright), LINES, fit)
        self.assertAllEqual(images.decode_line(data, LINES, fit), expected)


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


class ReadFileTest(ImageTest):
    def test_reads_the_bytes(self):
        self.assertEqual(images.read_file(self.create_tempfile("a.png", "data").full_path), b"data")

    def test_refuses_a_missing_file(self):
        path = os.path.join(self.create_tempdir().full_path, "a.png")
        self.assert_refused("missing_image", f"^no file {path}$", images.read_file, path)

    def test_refuses_a_path_that_goes_through_a_file(self):
        path = self.create_tempfile("a.png", "data").full_path
        self.assert_refused("missing_image", "^no file", images.read_file, os.path.join(path, "b.png"))

    def test_refuses_a_folder(self):
        folder = self.create_tempdir().full_path
        self.assert_refused("unreadable_image", f"^{folder}: Is a directory$", images.read_file, folder)

    def test_refuses_what_may_have_no_end(self):
        pipe = os.path.join(self.create_tempdir().full_path, "a.png")
        os.mkfifo(pipe)
        for path in (pipe, "/dev/zero", "/dev/null"):
            self.assert_refused("unreadable_image", f"^{path}: a pipe or a device$", images.read_file, path)

    def test_refuses_a_name_that_no_file_can_have(self):
        path = os.path.join(self.create_tempdir().full_path, "a" * 300)
        self.assert_refused("unreadable_image", "File name too long$", images.read_file, path)

    def read_with_error(self, number: int):
        with mock.patch.object(builtins, "open", side_effect=OSError(number, os.strerror(number))):
            images.read_file("a.png")

    def test_a_disk_that_fails_refuses_the_image(self):
        self.assert_refused("unreadable_image", "Input/output error$", self.read_with_error, errno.EIO)

    @parameterized.parameters(errno.EMFILE, errno.ENFILE, errno.ENOMEM)
    def test_a_lack_of_file_handles_or_memory_refuses_no_image(self, number):
        with self.assertRaisesRegex(UserError, f"^image a.png: received {os.strerror(number)}, .*--workers"):
            self.read_with_error(number)


class GeometryTest(parameterized.TestCase, tf.test.TestCase):
    def test_the_default_is_the_notebooks(self):
        self.assertEqual(Geometry(), Geometry(32, 280))

    @parameterized.parameters(("height", 6), ("width", 6), ("height", 0), ("width", -5), ("width", 1))
    def test_refuses_a_size_that_makes_no_frame(self, name, size):
        with self.assertRaisesRegex(UserError, f"^image {name}: received {size}, .* 7 pixels.*--image_{name}"):
            Geometry(**{name: size})

    def test_accepts_the_smallest_size_with_a_frame(self):
        self.assertEqual(Geometry(7, 7).width, 7)

    def test_reads_as_sizes_are_written(self):
        self.assertEqual([str(LINES), str(ANY_WIDTH)], ["280x32", "32 high, any width"])


if __name__ == "__main__":
    tf.test.main()
