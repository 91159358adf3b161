"""Rows of lists: where they start, what they say, why they are refused."""

import gzip
import hashlib
import io
import itertools
import os
import re
from unittest import mock

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import line_list
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.line_list import LineList, hash_path, normalise_path, resolve_path

CHARSET = Charset("abc春")
WITH_SPACE = Charset("abc ")


def scan_naively(data: bytes) -> list[tuple[int, int, bytes]]:
    """(offset, line number, row) of every row that is not blank."""
    start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    rows, offset = [], start
    for number, row in enumerate(data[start:].split(b"\n"), start=1):
        if row.strip(b" \t\r\n"):
            rows.append((offset, number, row.rstrip(b"\r")))
        offset += len(row) + 1
    return rows


def resolve_or_refuse(key: str, root: str) -> str:
    try:
        return resolve_path(key, root)
    except Refused as refusal:
        return refusal.reason


class PathTest(parameterized.TestCase, tf.test.TestCase):
    def hash(self, path: bytes, encoding: str = "utf-8", root: str = "") -> bytes:
        return hash_path(normalise_path(path, root, encoding))

    def test_different_paths_have_different_hashes(self):
        paths = [b"a.png", b"A.png", b"a 1.png", b"b/a.png", b"b.a.png", b".a.png", b"\xff"]
        self.assertLen({self.hash(path) for path in paths}, len(paths))

    def test_spellings_of_one_path_have_one_hash(self):
        for paths in (
            [
                b"a.png",
                b"./a.png",
                b".\\a.png",
                b"b/../a.png",
                b"/data/a.png",
                b"/data//./a.png",
                b"\\data\\a.png",
            ],
            [b"b/a", b"b\\a", b"b//a", b"c/../b/./a", b"/data/b/a"],
        ):
            self.assertLen({self.hash(path, root="/data") for path in paths}, 1)

    @parameterized.parameters(b"/data2/a.png", b"/a.png", b"../a.png", b"data/a.png")
    def test_a_path_elsewhere_has_another_hash(self, path):
        self.assertNotEqual(self.hash(path, root="/data"), self.hash(b"a.png", root="/data"))

    def test_the_root_of_the_file_system_may_be_the_image_root(self):
        self.assertEqual(self.hash(b"/a/b.png", root="/"), self.hash(b"a/b.png", root="/"))

    def test_a_backslash_within_a_character_is_no_separator(self):
        character = b"\x95\x5c"  # one of gbk's that ends in the byte of a backslash
        self.assertNotEqual(self.hash(character + b".png", "gbk"), self.hash(b"\x95/.png", "gbk"))
        self.assertLen({self.hash(character + path, "gbk") for path in (b"/a", b"\\a")}, 1)

    def test_a_path_has_another_hash_for_every_seed(self):
        seeds = [0, 1, 256, 2**63 - 1]
        self.assertLen({hash_path(b"a.png", seed) for seed in seeds}, len(seeds))
        # Says which rows are held out: another hash would move rows between splits of data sets that exist.
        self.assertEqual(self.hash(b"a.png").hex(), hashlib.blake2b(b"a.png", digest_size=16).hexdigest())

    def test_a_path_is_found_as_a_row_is_split(self):
        random = np.random.default_rng(0)
        alphabet = np.frombuffer(b"ab1 \t\r\x0c", np.uint8)
        for _ in range(2000):
            row = random.choice(alphabet, random.integers(0, 8)).tobytes()
            self.assertEqual(line_list.find_path(row), line_list.split_row(row)[0], row)


class EncodingTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        "utf-8", "UTF8", "utf-8-sig", "gbk", "GB18030", "big5", "cp950", "shift_jis", "latin-1"
    )
    def test_accepts_an_encoding_that_contains_ascii(self, encoding):
        self.assertEqual(line_list.check_list_encoding(encoding), encoding)

    # UTF-7, HZ and the escapes read some ASCII as something else; base64 is no text, cp037 has no ASCII.
    @parameterized.parameters(
        *(
            "utf-16",
            "utf-32",
            "utf-7",
            "hz",
            "cp037",
            "unicode_escape",
            "raw_unicode_escape",
            "idna",
            "punycode",
        ),
        *("undefined", "base64", "rot13", "no_such", "", "a\0b", "utf-8\udc80", "big 5", "../utf_8"),
    )
    def test_refuses_an_encoding_that_does_not_hold_ascii(self, encoding):
        with self.assertRaisesRegex(UserError, rf"{re.escape(repr(encoding))}.*--list_encoding"):
            line_list.check_list_encoding(encoding)


class ListTest(parameterized.TestCase, tf.test.TestCase):
    def open(self, data: bytes) -> LineList:
        return LineList(self.create_tempfile("train.txt", data, mode="wb").full_path)

    def read(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """(offset, line number, row) of every row of a list of these bytes."""
        rows = self.open(data)
        offsets, lines = rows.scan()
        self.assertEqual((offsets.dtype, lines.dtype), (np.int64, np.int64))
        return [(o, n, rows.row_at(o)) for o, n in zip(offsets.tolist(), lines.tolist(), strict=True)]

    @parameterized.named_parameters(
        ("newlines", b"a 1\nb 2\n", [(0, 1, b"a 1"), (4, 2, b"b 2")]),
        ("no_newline_at_the_end", b"a 1\nb 2", [(0, 1, b"a 1"), (4, 2, b"b 2")]),
        ("crlf", b"a 1\r\nb 2\r\n", [(0, 1, b"a 1"), (5, 2, b"b 2")]),
        ("byte_order_mark", b"\xef\xbb\xbfa 1\nb 2\n", [(3, 1, b"a 1"), (7, 2, b"b 2")]),
        ("blank_rows", b"\n \r\na 1\n\t\n\nb 2\n \n", [(4, 3, b"a 1"), (11, 6, b"b 2")]),
        ("byte_order_mark_before_a_blank_row", b"\xef\xbb\xbf\na 1\n", [(4, 2, b"a 1")]),
        ("nothing", b"", []),
        ("byte_order_mark_alone", b"\xef\xbb\xbf", []),
        ("blank_rows_alone", b"\n\r\n \n", []),
    )
    def test_scan_finds_the_rows_that_are_not_blank(self, data, rows):
        self.assertEqual(self.read(data), rows)

    def test_scan_in_small_blocks_equals_a_naive_scan(self):
        random = np.random.default_rng(0)
        with mock.patch.object(line_list, "_SCAN_BYTES", 16):
            for number in range(150):
                alphabet = np.frombuffer(b"ab1 \t\r\n\n", np.uint8)
                data = random.choice(alphabet, random.integers(0, 120)).tobytes()
                data = b"\xef\xbb\xbf" + data if number % 3 == 0 else data
                self.assertEqual(self.read(data), scan_naively(data), data)

    def test_a_row_longer_than_a_block_is_one_row(self):
        with mock.patch.object(line_list, "_SCAN_BYTES", 16):
            self.assertEqual(self.read(b"a" * 50 + b"\nb"), [(0, 1, b"a" * 50), (51, 2, b"b")])

    def test_the_hash_is_that_of_the_file(self):
        for data in (b"a 1\r\n", b""):
            self.assertEqual(self.open(data).sha256(), hashlib.sha256(data).hexdigest())

    @parameterized.parameters("utf-16-le", "utf-16-be")
    def test_refuses_utf16_and_says_how_to_convert_it(self, encoding):
        path = self.create_tempfile("train.txt", "\ufeffa.png 1\n".encode(encoding), mode="wb").full_path
        with self.assertRaisesRegex(
            UserError, f"^list {path}: received a text file in UTF-16.*iconv -f UTF-16 -t UTF-8"
        ):
            LineList(path)

    @parameterized.parameters("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "JPEG2000")
    def test_refuses_an_image(self, kind):
        data = io.BytesIO()
        PIL.Image.new("L", (40, 8), 200).save(data, kind)
        with self.assertRaisesRegex(UserError, f"^list .*: received an image .{kind}., .*--list"):
            self.open(data.getvalue())

    @parameterized.named_parameters(
        ("compressed", gzip.compress(b"".join(b"%d.png 1\n" % (n * n) for n in range(500)))),
        ("utf16_without_a_mark", "a.png 1\nb.png 2\n".encode("utf-16-le")),
    )
    def test_refuses_what_is_no_text(self, data):
        with self.assertRaisesRegex(UserError, "^list .*: received (a binary file|a compressed archive)"):
            self.open(data)

    @parameterized.parameters(
        b"BM_0001.bmp 1\n", b"GIF8/1.gif\n", b"RIFF/1.webp 2\n", b"a\0b.png 1\nc.png 2\n", b"\xff.png 1\n"
    )
    def test_takes_a_list_whose_first_row_is(self, data):
        self.assertLen(self.read(data), data.count(b"\n"))

    def test_refuses_a_missing_list(self):
        path = os.path.join(self.create_tempdir().full_path, "train.txt")
        with self.assertRaisesRegex(UserError, f"^list {path}: received No such file or directory.*--list"):
            LineList(path)

    def test_refuses_a_folder(self):
        with self.assertRaisesRegex(UserError, "received Is a directory"):
            LineList(self.create_tempdir().full_path)


class ResolvePathTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("a.png", "/data/images/a.png"),
        ("x/y/a.png", "/data/images/x/y/a.png"),
        ("x\\y\\a.png", "/data/images/x/y/a.png"),
        ("./x//a.png", "/data/images/x/a.png"),
        ("x/../a.png", "/data/images/a.png"),
        ("a/../b", "/data/images/b"),
        ("./a", "/data/images/a"),
        ("x//a.png", "/data/images/x/a.png"),
        ("x/./a.png", "/data/images/x/a.png"),
        ("a.png/", "/data/images/a.png"),
        ("..a.png", "/data/images/..a.png"),
        ("x/..a.png", "/data/images/x/..a.png"),
        ("/data/images/a.png", "/data/images/a.png"),
    )
    def test_paths_inside_the_root(self, key, path):
        self.assertEqual(resolve_path(key, "/data/images"), path)

    @parameterized.parameters(
        *("../a.png", "x/../../a.png", "..\\a.png", "/etc/passwd", "//etc/passwd", "\\etc\\passwd"),
        *("/data/images2/a.png", "../images2/a.png", ".", "", "/", "..", "a/..", "x/../.."),
    )
    def test_refuses_a_path_that_leads_out_of_the_root(self, key):
        with self.assertRaises(Refused) as caught:
            resolve_path(key, "/data/images")
        self.assertEqual(caught.exception.reason, "outside_root")
        self.assertEqual(caught.exception.detail, f"{key!r} leads out of the image root '/data/images'")

    def test_the_root_of_the_file_system_holds_every_path(self):
        self.assertEqual(resolve_path("/a/b.png", "/"), "/a/b.png")
        self.assertEqual(resolve_path("a/b.png", "/"), "/a/b.png")

    @parameterized.parameters("/data/images", "/")
    def test_the_fast_path_and_the_slow_one_agree_on_every_key(self, root):
        # Nearly all keys take the fast path; one that starts with ./ takes the slow one.
        keys = ["".join(key) for length in range(6) for key in itertools.product("./\\a", repeat=length)]
        for key in [*keys, "..a", "a..", "a b", "~", "*", "春/..春"]:
            if key[:1] not in ("/", "\\"):
                self.assertEqual(resolve_or_refuse(key, root), resolve_or_refuse("./" + key, root), key)


if __name__ == "__main__":
    tf.test.main()
