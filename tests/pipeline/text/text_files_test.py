"""Files of plain text are read in parts, and what is wrong with them is named."""

import hashlib
import os
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.text.text_files import TextFile, parse_source

MODULE = "densenet_ocr.pipeline.text.text_files"


class TextFileTest(parameterized.TestCase, tf.test.TestCase):
    def write(self, data: bytes) -> str:
        path = os.path.join(self.create_tempdir().full_path, "text.txt")
        with open(path, "wb") as file:
            file.write(data)
        return path

    def read(self, data: bytes, encoding: str = "utf-8") -> list[str]:
        return list(TextFile(self.write(data), encoding, is_list=False).read(Charset("a")))

    @parameterized.parameters("utf-8", "utf-16", "gb18030", "big5")
    def test_blocks_may_split_characters_and_parts_have_whole_rows(self, encoding):
        text = "一二三\n四\n一二三四一二三四一二三四\n\n三\r\n末"
        self.enter_context(mock.patch(f"{MODULE}._READ_BYTES", 5))
        self.enter_context(mock.patch(f"{MODULE}._PART", 4))
        parts = self.read(text.encode(encoding), encoding)
        self.assertEqual("".join(parts), text)
        self.assertGreater(len(parts), 2)
        self.assertTrue(all(part.endswith("\n") for part in parts[:-1]))

    def test_a_byte_order_mark_is_no_text(self):
        self.enter_context(mock.patch(f"{MODULE}._READ_BYTES", 1))
        self.assertEqual(self.read("\ufeff一\ufeff".encode()), ["一\ufeff"])
        self.assertEmpty(self.read(b""))

    @parameterized.parameters(1, 2, 3, 4, 5, 100)
    def test_a_wrong_byte_is_named_by_row_and_place(self, block):
        self.enter_context(mock.patch(f"{MODULE}._READ_BYTES", block))
        with self.assertRaisesRegex(UserError, r"text.txt:2: received bytes that are not utf-8 .*at byte 7\)"):
            self.read("一\n二".encode() + b"\xff\n")

    def test_half_a_character_at_the_end_is_named(self):
        self.enter_context(mock.patch(f"{MODULE}._READ_BYTES", 2))
        with self.assertRaisesRegex(UserError, r"text.txt:2: .*at byte 4\)"):
            self.read("一\n二".encode()[:-1])

    def test_the_hash_is_that_of_the_bytes(self):
        data = "一二\n".encode() * 1000
        self.assertEqual(TextFile(self.write(data), "utf-8", False).sha256, hashlib.sha256(data).hexdigest())

    def test_a_file_that_cannot_be_read_is_named(self):
        with self.assertRaisesRegex(UserError, "text /none.txt: received No such file"):
            list(TextFile("/none.txt", "utf-8", False).read(Charset("a")))

    def test_an_unknown_encoding_is_refused(self):
        with self.assertRaisesRegex(UserError, "text encoding: received 'utf-9'"):
            parse_source("a.txt", "utf-9")


if __name__ == "__main__":
    tf.test.main()
