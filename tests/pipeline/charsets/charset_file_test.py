"""Charset files: rows, the row of the blank, and files of other tools."""

import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.charsets.charset_file import is_common, read_charset
from densenet_ocr.pipeline.errors import UserError
from tests.messages import user_error


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
        self.assertIn("iconv -f GB18030 -t UTF-8", message)

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


class BlankRowTest(parameterized.TestCase, tf.test.TestCase):
    def read(self, text: str, blank: str = "first_row") -> Charset:
        path = self.create_tempfile("charset.txt", text.encode(), mode="wb").full_path
        return read_charset(path, blank)

    @parameterized.parameters(
        ("none", "a\nb\nc\n", "abc", [b"0", b"2"]),
        ("last_row", "a\nb\nc\n<blank>\n", "abc", [b"0", b"2"]),
        ("last_row", "a\nb\nc\n卍\n", "abc", [b"0", b"2"]),
        ("first_row", "卍\na\nb\nc\n", "abc", [b"1", b"3"]),
    )
    def test_the_blank_is_where_the_flag_says(self, blank, text, characters, ids):
        charset = self.read(text, blank)
        self.assertEqual(charset.characters, characters)
        self.assertEqual(charset.encode_rows(ids), charset.encode("ac"))

    @parameterized.parameters(
        ("first_row", "a\nb\n<blank>\n", 3, "'<blank>', the last row", "--charset_blank=last_row"),
        ("first_row", "a\nb\n[BLANK]\n", 3, "'[BLANK]', the last row", "--charset_blank=last_row"),
        ("none", "a\nb\nblank\n", 3, "'blank', the last row", "--charset_blank=last_row"),
        ("none", "<blank>\na\nb\n", 1, "'<blank>', the first row", "--charset_blank=first_row"),
        ("none", "\na\nb\n", 1, "'', the first row", "--charset_blank=first_row"),
        ("last_row", "blank\na\nb\n", 1, "'blank', the first row", "--charset_blank=first_row"),
    )
    def test_a_file_that_contradicts_the_flag_names_the_value_for_it(self, blank, text, line, received, remedy):
        with user_error(f"charset.txt:{line}", received, f"--charset_blank={blank}", remedy):
            self.read(text, blank)

    @parameterized.parameters(
        ("first_row", "0\n1\n2\n", "row 0 shows '0' (U+0030)"),
        ("first_row", " \n1\n2\n", "row 0 shows ' ' (U+0020)"),
        ("first_row", "'\n疗\n绚\n", 'row 0 shows "\'" (U+0027)'),
        ("first_row", "的\n一\n", "row 0 shows '的' (U+7684)"),
        ("last_row", "1\n2\n0\n", "the last row shows '0' (U+0030)"),
    )
    def test_warns_where_the_row_of_the_blank_shows_a_common_character(self, blank, text, shown):
        with self.assertLogs(level="WARNING") as logs:
            charset = self.read(text, blank)
        self.assertIn(shown, logs.output[0])
        self.assertIn("--charset_blank=none", logs.output[0])
        self.assertNotIn(charset.placeholder, charset)

    @parameterized.parameters(
        ("first_row", "卍\n，\n的\n"),
        ("first_row", "<blank>\na\n"),
        ("first_row", "\na\n"),
        ("first_row", "■\na\n"),
        ("first_row", "a\nb\na\n"),  # another row has the character, so none is lost
        ("none", "0\n1\n"),
    )
    def test_does_not_warn_where_no_common_character_is_lost(self, blank, text):
        with self.assertNoLogs(level="WARNING"):
            self.read(text, blank)

    def test_says_which_rare_character_stands_for_the_blank(self):
        with self.assertLogs(level="INFO") as logs:
            self.read("卍\n，\n")
        self.assertRegex(logs.output[0], "^INFO.*row 0, which shows '卍' .*stands for the CTC blank")

    @parameterized.parameters(*"a0 .~é§的一龙萬あアЯα한、　¿")
    def test_letters_digits_spaces_and_punctuation_are_common(self, character):
        self.assertTrue(is_common(character))

    @parameterized.parameters(*"卍■□▁★\t\x00\ue000龘")
    def test_symbols_controls_and_rare_ideographs_are_not(self, character):
        self.assertFalse(is_common(character))


class NormalizationTest(parameterized.TestCase, tf.test.TestCase):
    def read(self, text: str, normalize: str) -> Charset:
        path = self.create_tempfile("charset.txt", text.encode(), mode="wb").full_path
        return read_charset(path, normalize=normalize)

    @parameterized.parameters("NFC", "NFKC")
    def test_a_decomposed_row_is_one_character(self, form):
        charset = self.read("<blank>\ne\u0301\nb\n", form)
        self.assertEqual(charset.characters, "éb")
        self.assertEqual(charset.encode("be\u0301"), [1, 0])

    def test_rows_of_one_code_point_stay_as_they_are(self):
        self.assertEqual(self.read("<blank>\n，\n,\n①\n", "NFKC").characters, "，,①")

    def test_a_row_that_no_form_makes_one_character_is_refused(self):
        with user_error("charset.txt:2", "'x\u0301', 2 code points"):
            self.read("<blank>\nx\u0301\n", "NFC")


class ForeignFileTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.named_parameters(
        ("paddleocr", "'\n疗\n绚\n", "'疗绚"),
        ("paddleocr_english_with_a_space_last", "0\n1\na\n ", "01a "),
        ("windows", "a\r\nb\r\n", "ab"),
        ("byte_order_mark", "\ufeffa\nb\n", "ab"),
        ("two_byte_order_marks", "\ufeff\ufeffa\nb\n", "ab"),
    )
    def test_dictionaries_without_a_row_for_the_blank_are_read(self, text, characters):
        path = self.create_tempfile("dict.txt", text.encode(), mode="wb").full_path
        self.assertEqual(read_charset(path, "none").characters, characters)

    @parameterized.named_parameters(
        ("doctr_vocabulary", '0123456789abc!"#$%\n', "one row of 18 characters", "grep -o ."),
        ("easyocr_characters", "0123456789 €ABC", "one row of 15 characters", "--charset_blank=none"),
        ("character_tab_index", "a\t1\nb\t2\n", "a character and a number in each row", "sed -E"),
        ("character_space_index", "blank 0\na 1\n  2\n", "a character and a number in each row", "sed -E"),
        ("index_character", "0\ta\n1\tb\n2\tc\n", "a number and a character in each row", "sed -E"),
        ("json_list", '["a",\n"b"]\n', "JSON", "one per row"),
        ("json_object", '{"a": 0, "b": 1}', "JSON", "one per row"),
        (
            "git_lfs",
            "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n",
            "Git LFS pointer",
            "git lfs pull",
        ),
        ("html", "<!DOCTYPE html>\n<html>\n</html>\n", "HTML", "raw file"),
        ("mac_row_ends", "<blank>\ra\rb\r", "CR alone", "tr '\\r' '\\n'"),
        ("trailing_spaces", "<blank>\na \nb \n", "'a ', 2 code points", "white space beside"),
        ("byte_order_mark_inside", "<blank>\na\n\ufeffb\n", "2 code points", "U+FEFF"),
        ("decomposed", "<blank>\ne\u0301\n", "2 code points", "NFC"),
        ("clusters_of_bengali", "ক\nখ\nক্ষ\n", "3 code points", "give each of them a row"),
        ("latex_symbols", "eos\nsos\na\n\\alpha\n", "code points", "one character per row"),
        ("tokens", "<blank>\n<unk>\na\n", "'<unk>', 5 code points", "token"),
        ("words", "<blank>\nsome\nwords\n", "'some', 4 code points", "one character per row"),
        ("an_empty_row_at_the_end", "a\nb\n\n", "'', 0 code points", "no empty rows"),
    )
    def test_other_files_are_named_with_a_remedy(self, text, received, remedy):
        path = self.create_tempfile("dict.txt", text.encode(), mode="wb").full_path
        for blank in ("first_row", "none") if not text.startswith(("<blank", "blank")) else ("first_row",):
            with user_error(f"charset {path}", received, remedy):
                read_charset(path, blank)


if __name__ == "__main__":
    tf.test.main()
