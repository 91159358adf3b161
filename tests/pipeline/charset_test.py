"""Charset files, class ids and where the blank sits."""

import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset, read_charset, show_characters
from densenet_ocr.pipeline.errors import Refused, UserError


class CharsetFileTest(parameterized.TestCase, tf.test.TestCase):
    def write(self, data: bytes) -> str:
        return self.create_tempfile("charset.txt", data, mode="wb").full_path

    def read(self, data: bytes) -> Charset:
        return read_charset(self.write(data))

    def test_the_character_of_row_k_is_class_k_minus_1(self):
        charset = self.read("<blank>\n春\nb\nc\n".encode())
        self.assertEqual(charset.encode("c春b"), [2, 0, 1])
        self.assertEqual(charset.encode_rows([b"3", b"1", b"2"]), [2, 0, 1])
        self.assertEqual(charset.decode([2, 0, 1]), "c春b")

    def test_the_blank_is_the_last_class(self):
        charset = self.read(b"<blank>\na\nb\n")
        self.assertEqual(charset.blank, 2)
        self.assertEqual(charset.classes, 3)

    @parameterized.parameters("", "a", "blank", " ", "卍", "two words", "<blank>")
    def test_row_0_is_ignored_whatever_it_shows(self, row):
        self.assertEqual(self.read(f"{row}\na\nb\n".encode()).characters, "ab")

    @parameterized.named_parameters(
        ("byte_order_mark", "\ufeff<blank>\na\nb\n", "ab"),
        ("byte_order_mark_before_an_empty_row_0", "\ufeff\na\nb\n", "ab"),
        ("crlf", "<blank>\r\na\r\nb\r\n", "ab"),
        ("no_newline_at_the_end", "<blank>\na\nb", "ab"),
        ("crlf_and_no_newline_at_the_end", "<blank>\r\na\r\nb", "ab"),
        ("space_row", "<blank>\na\n \nb\n", "a b"),
        ("space_row_at_the_end", "<blank>\na\n ", "a "),
        ("ideographic_space_and_tab", "<blank>\n\u3000\n\t\n", "\u3000\t"),
        ("characters_that_end_lines_elsewhere", "<blank>\n\u2028\n\x85\n\x0b\n\x0c\n", "\u2028\x85\x0b\x0c"),
        ("character_beyond_the_basic_plane", "<blank>\n𠮷\n", "𠮷"),
    )
    def test_reads(self, text, characters):
        self.assertEqual(self.read(text.encode()).characters, characters)

    @parameterized.named_parameters(
        ("two_letters", "<blank>\na\nbc\n", 3, "'bc', 2 code points"),
        ("a_letter_and_a_combining_accent", "<blank>\ne\u0301\nb\n", 2, "2 code points"),
        ("an_empty_row", "<blank>\na\n\nb\n", 3, "'', 0 code points"),
        ("an_empty_row_at_the_end", "<blank>\na\n\n", 3, "'', 0 code points"),
        ("an_empty_crlf_row", "<blank>\r\n\r\na\r\n", 2, "'', 0 code points"),
        ("a_space_behind_a_letter", "<blank>\na \n", 2, "'a ', 2 code points"),
    )
    def test_refuses_a_row_that_is_not_one_code_point(self, text, line, received):
        path = self.write(text.encode())
        with self.assertRaises(UserError) as caught:
            read_charset(path)
        message = str(caught.exception)
        self.assertStartsWith(message, f"charset {path}:{line}: received ")
        self.assertIn(received, message)
        self.assertIn("expected one code point per row", message)

    def test_names_repeated_characters_and_their_file_lines(self):
        path = self.write("<blank>\na\n春\nb\n春\na\na\n".encode())
        with self.assertRaises(UserError) as caught:
            read_charset(path)
        message = str(caught.exception)
        self.assertStartsWith(message, f"charset {path}: received ")
        self.assertIn("duplicated characters: 'a' in lines 2 and 6 and 7, '春' in lines 3 and 5", message)
        self.assertRegex(message, "char_std_5990.txt is corrupt .*take the original file")

    def test_names_ten_repeated_characters_and_counts_the_rest(self):
        characters = "abcdefghijkl"
        with self.assertRaises(UserError) as caught:
            self.read("\n".join(["<blank>", *characters, *characters, ""]).encode())
        message = str(caught.exception)
        self.assertIn("'a' in lines 2 and 14, ", message)
        self.assertIn("'j' in lines 11 and 23 and 2 more,", message)
        self.assertNotIn("'k'", message)

    @parameterized.named_parameters(
        ("gb18030", "<blank>\n春\n".encode("gb18030")), ("utf16", "<blank>\na\n".encode("utf-16"))
    )
    def test_refuses_a_file_that_is_not_utf8(self, data):
        path = self.write(data)
        with self.assertRaises(UserError) as caught:
            read_charset(path)
        message = str(caught.exception)
        self.assertStartsWith(message, f"charset {path}: received bytes that are not UTF-8 (invalid ")
        self.assertIn("iconv -t UTF-8", message)

    @parameterized.parameters(b"", b"\n", b"<blank>", b"<blank>\n", b"\xef\xbb\xbf")
    def test_refuses_a_file_without_characters(self, data):
        with self.assertRaisesRegex(UserError, "^charset.*: received no characters"):
            self.read(data)

    def test_refuses_a_missing_file(self):
        path = os.path.join(self.create_tempdir().full_path, "charset.txt")
        with self.assertRaisesRegex(UserError, f"^file {path}: received No such file or directory"):
            read_charset(path)

    @parameterized.parameters("ab", " ", "a b\u2028\u3000\t", "ab ", "<>")
    def test_what_is_written_reads_back(self, characters):
        path = os.path.join(self.create_tempdir().full_path, "charset.txt")
        Charset(characters).write(path)
        self.assertEqual(read_charset(path), Charset(characters))


class CharsetTest(parameterized.TestCase, tf.test.TestCase):
    charset = Charset("ab 春")

    def test_ids_are_charset_rows_and_characters_count_from_1(self):
        self.assertEqual(self.charset.encode_rows([b"1", b"4", b"04"]), [0, 3, 3])

    @parameterized.parameters(
        ([b"007", b"1"], [6, 0]), ([b"000000012"], [11]), ([b"12", b"01", b"12"], [11, 0, 11]), ([], [])
    )
    def test_rows_with_zeros_before_them_are_rows(self, rows, ids):
        self.assertEqual(Charset("abcdefghijkl").encode_rows(rows), ids)

    def test_a_row_has_one_reading_whatever_other_rows_the_label_has(self):
        # A label of plain rows takes a fast path; one odd row sends all of them through the slow one.
        charset = Charset("".join(map(chr, range(0x4E00, 0x4E00 + 300))))
        rows = [b"%d" % row for row in range(1, 301)]
        self.assertEqual(charset.encode_rows(rows), list(range(300)))
        self.assertEqual(charset.encode_rows([*rows, b"007"]), [*range(300), 6])
        for odd in (b"+5", b"0", b"301", b"5 ", b"5_0", b"-0", b"9" * 5000):
            with self.assertRaises(Refused) as caught:
                charset.encode_rows([*rows, odd])
            self.assertEqual(caught.exception.reason, "bad_id")
            self.assertStartsWith(caught.exception.detail, f"id {odd.decode()!r} is not a whole number")

    @parameterized.parameters(
        "0", "5", "99999999999999999999", "-1", "+3", "1_0", "１", "٣", "1.5", "1e0", "0x1", "a", ""
    )
    def test_refuses_an_id_that_is_no_row_of_a_character(self, row):
        with self.assertRaises(Refused) as caught:
            self.charset.encode_rows([b"1", row.encode()])
        self.assertEqual(caught.exception.reason, "bad_id")
        self.assertEqual(caught.exception.detail, f"id {row!r} is not a whole number from 1 to 4")

    def test_refuses_an_id_of_more_digits_than_python_reads(self):
        with self.assertRaises(Refused) as caught:
            self.charset.encode_rows([b"9" * 5000])
        self.assertEqual(caught.exception.reason, "bad_id")

    def test_an_id_that_is_not_utf8_is_refused_as_an_id(self):
        with self.assertRaises(Refused) as caught:
            self.charset.encode_rows([b"\xff1"])
        self.assertEqual(caught.exception.detail, "id '\ufffd1' is not a whole number from 1 to 4")

    def test_names_every_character_that_the_charset_lacks(self):
        with self.assertRaises(Refused) as caught:
            self.charset.encode("axbyx")
        self.assertEqual(caught.exception.reason, "unknown_character")
        self.assertEqual(caught.exception.detail, "the charset lacks 'x' (U+0078), 'y' (U+0079)")

    @parameterized.parameters(4, -1, 5)
    def test_decode_refuses_a_class_that_is_no_character(self, k):
        with self.assertRaisesWithLiteralMatch(ValueError, f"class {k} is no character: expected 0 to 3"):
            self.charset.decode([0, k])

    def test_decode_inverts_encode(self):
        self.assertEqual(self.charset.decode(self.charset.encode("春 ab a")), "春 ab a")

    def test_contains_its_characters(self):
        self.assertIn("春", self.charset)
        self.assertNotIn("c", self.charset)

    def test_a_union_keeps_the_classes_of_the_first_and_appends_the_rest_in_order(self):
        self.assertEqual(Charset("cab").union(Charset("xbya")), Charset("cabxy"))
        self.assertEqual(Charset("cab").union(Charset("abc")), Charset("cab"))

    def test_without_returns_what_another_charset_lacks_in_order(self):
        self.assertEqual(Charset("cab").without(Charset("bx")), "ca")

    def test_shows_the_first_characters_and_counts_the_rest(self):
        self.assertEqual(show_characters("春b"), "'春' (U+6625), 'b' (U+0062)")
        self.assertEqual(show_characters("春b", 2), "'春' (U+6625), 'b' (U+0062)")
        self.assertEqual(show_characters("春bc", 1), "'春' (U+6625) and 2 more")

    def test_the_hash_is_that_of_the_characters_in_their_order(self):
        self.assertEqual(
            Charset("abc").sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
        self.assertNotEqual(Charset("abc").sha256, Charset("acb").sha256)


if __name__ == "__main__":
    tf.test.main()
