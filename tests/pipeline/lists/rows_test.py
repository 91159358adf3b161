"""Formats of rows: what each reads, and which rows it refuses."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.line_list import Line, resolve_path
from densenet_ocr.pipeline.lists.rows import encode_entry, parse_ids, parse_mixed, parse_space, parse_text

CHARSET = Charset("abc春")
WITH_SPACE = Charset("abc ")
DIGITS = Charset("0123456789 ")


def parse_row(row: bytes, charset: Charset, encoding: str = "utf-8", parse=parse_mixed) -> Line:
    return encode_entry(parse(row, encoding), charset)


class MixedRowsTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.named_parameters(
        ("ids", "a.png 1 4 2", "a.png", "a春b"),
        ("ids_behind_several_blanks", "a.png  1   4", "a.png", "a春"),
        ("ids_with_blanks_around_the_row", "  a.png 1 2 \t ", "a.png", "ab"),
        ("ids_with_crlf", "a.png 1 2\r", "a.png", "ab"),
        ("ids_with_blanks_and_crlf", "a.png 1 2  \r", "a.png", "ab"),
        ("ids_with_backslashes_in_the_path", "x\\y\\a.png 1", "x\\y\\a.png", "a"),
        ("text", "a.png\tc春a", "a.png", "c春a"),
        ("text_with_crlf", "a.png\tca\r", "a.png", "ca"),
        ("text_of_a_path_with_spaces", "my scans/a 1.png\tca", "my scans/a 1.png", "ca"),
        ("text_with_blanks_before_the_tab", "a.png  \tca", "a.png", "ca"),
        ("text_with_blanks_before_the_path", "  a.png\tca", "a.png", "ca"),
        ("text_with_blanks_at_the_end", "a.png\tca \t ", "a.png", "ca"),
        ("path_beyond_ascii", "图/春.png 3", "图/春.png", "c"),
    )
    def test_reads(self, row, key, text):
        self.assertEqual(parse_row(row.encode(), CHARSET), Line(key, CHARSET.encode(text)))

    def test_a_text_of_digits_is_text(self):
        self.assertEqual(parse_row(b"a.png\t12", Charset("21")).label, [1, 0])

    @parameterized.parameters(
        ("a.png\tca ", "ca "),
        ("a.png\tca  \r", "ca  "),
        ("a.png\t ca", " ca"),
        ("a.png\tc a", "c a"),
        ("a.png\t ", " "),
        ("a.png\tca \t", "ca "),
    )
    def test_blanks_of_a_text_are_characters_where_the_charset_has_them(self, row, text):
        self.assertEqual(parse_row(row.encode(), WITH_SPACE).label, WITH_SPACE.encode(text))

    def test_a_tab_is_a_character_where_the_charset_has_it(self):
        self.assertEqual(parse_row(b"a.png\ta\tb\t", Charset("ab\t")).label, [0, 2, 1, 2])

    @parameterized.named_parameters(
        ("path_alone", b"a.png", "no_label", "nothing follows the path"),
        ("path_and_blanks", b"a.png  \r", "no_label", "nothing follows the path"),
        ("path_and_tab", b"a.png\t", "no_label", "nothing follows the path"),
        ("text_of_blanks_alone", b"a.png\t  ", "no_label", "nothing follows the path"),
        ("id_0", b"a.png 1 0", "bad_id", "id '0' is not a whole number from 1 to 4"),
        ("id_beyond_the_charset", b"a.png 5", "bad_id", "id '5' is not a whole number from 1 to 4"),
        ("id_with_a_sign", b"a.png +1", "bad_id", "id '+1' is not a whole number from 1 to 4"),
        ("path_with_a_space", b"my scans/a.png 1", "bad_id", "id 'scans/a.png' is not a whole number"),
        ("full_width_id", "a.png １".encode(), "bad_id", "id '１' is not a whole number from 1 to 4"),
        ("unknown_character", b"a.png\tab!x", "unknown_character", "lacks '!' (U+0021), 'x' (U+0078)"),
        ("leading_space", b"a.png\t ab", "unknown_character", "the charset lacks ' ' (U+0020)"),
        (
            "path_not_utf8",
            b"\xff.png 1",
            "bad_encoding",
            "not utf-8: invalid start byte at byte 0 of b'\\xff.png'",
        ),
        (
            "text_not_utf8",
            b"a.png\ta\xb4\xba",
            "bad_encoding",
            "not utf-8: invalid start byte at byte 1 of b'a\\x",
        ),
        ("nul_in_the_path", b"a\0.png 1", "bad_path", "path 'a\\x00.png' holds a NUL character"),
    )
    def test_refuses(self, row, reason, detail):
        with self.assertRaises(Refused) as caught:
            parse_row(row, CHARSET)
        self.assertEqual(caught.exception.reason, reason)
        self.assertIn(detail, caught.exception.detail)


class EncodingTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("gbk", "春天.png", "春b"),
        ("gb18030", "𠮷\U0001f600.png", "春b"),
        ("big5", "許功蓋.png", "春b"),
        ("shift_jis", "表予ソ.png", "春b"),
        ("cp932", "表予ソ.png", "春b"),
        ("euc_jp", "表.png", "春b"),
        ("utf-8", "春\\a.png", "春b"),
    )
    def test_reads_a_row_in_its_encoding(self, encoding, key, text):
        line = Line(key, CHARSET.encode(text))
        self.assertEqual(parse_row(f"{key}\t{text}\r".encode(encoding), CHARSET, encoding), line)
        self.assertEqual(parse_row(f" {key}  4 2".encode(encoding), CHARSET, encoding), line)

    @parameterized.parameters(("shift_jis", "表予ソ能"), ("big5", "許功蓋"), ("gbk", "乗俓乗"))
    def test_a_backslash_byte_within_a_character_does_not_split_a_path(self, encoding, name):
        self.assertIn(b"\\", name.encode(encoding))
        key, label = parse_row(f"x\\{name}.png\t{name}".encode(encoding), Charset("".join(set(name))), encoding)
        self.assertEqual(resolve_path(key, "/data"), f"/data/x/{name}.png")
        self.assertLen(label, len(name))

    @parameterized.parameters(
        ("gbk", "春.png\ta".encode() + b"\xff", "not gbk: "),
        ("big5", "春".encode("big5")[:1] + b" 1", "not big5: incomplete multibyte sequence at byte 0 of "),
        ("shift_jis", b"a.png\t\x82", "not shift_jis: incomplete multibyte sequence at byte 0 of b'\\x82'"),
        ("ascii", "春 1".encode(), "not ascii: ordinal not in range(128) at byte 0 of "),
    )
    def test_refuses_a_row_in_another_encoding(self, encoding, row, detail):
        with self.assertRaises(Refused) as caught:
            parse_row(row, CHARSET, encoding)
        self.assertEqual(caught.exception.reason, "bad_encoding")
        self.assertStartsWith(caught.exception.detail, detail)


class RowsOfOneKindTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.named_parameters(
        ("ids", parse_ids, b"a.png 3 1", "20"),
        ("ids_with_blanks_and_tabs_at_the_end", parse_ids, b"a.png 3 1 \t ", "20"),
        ("text", parse_text, b"a.png\t2018", "2018"),
        ("text_of_a_path_with_spaces", parse_text, b"a 1.png\t20 18", "20 18"),
        ("text_behind_a_space", parse_space, b"a.png 2018", "2018"),
        ("text_with_spaces_behind_a_space", parse_space, b"  a.png 20 18\r", "20 18"),
    )
    def test_reads(self, parse, row, text):
        self.assertEqual(DIGITS.decode(parse_row(row, DIGITS, parse=parse).label), text)

    @parameterized.named_parameters(
        ("text_in_ids", parse_ids, b"a.png\t2", "bad_id", "a tab"),
        ("words_in_ids", parse_ids, b"a.png two 3", "bad_id", "id 'two' is not a whole number from 1 to 11"),
        ("an_id_beyond_the_charset", parse_ids, b"a.png 12", "bad_id", "id '12' is not a whole number"),
        ("path_alone_in_ids", parse_ids, b"a.png", "no_label", "nothing follows the path"),
        ("ids_in_text", parse_text, b"a.png 2018", "no_label", "no tab"),
        ("path_alone_in_text", parse_text, b"a.png", "no_label", "nothing follows the path"),
        ("tab_without_text", parse_text, b"a.png\t", "no_label", "nothing follows the path"),
        ("ids_with_a_tab_at_the_end_in_text", parse_text, b"a.png 1 2 \t", "no_label", "no tab"),
        ("tab_in_space", parse_space, b"a.png\t2018", "bad_row", "a tab"),
        ("path_alone_in_space", parse_space, b"a.png ", "no_label", "nothing follows the path"),
        ("two_spaces", parse_space, b"a.png  2018", "bad_row", "two spaces after the path"),
    )
    def test_refuses_a_row_of_another_kind_and_names_the_flag(self, parse, row, reason, detail):
        with self.assertRaises(Refused) as caught:
            parse_row(row, DIGITS, parse=parse)
        self.assertEqual(caught.exception.reason, reason)
        self.assertStartsWith(caught.exception.detail, detail)
        self.assertIn("--list_format=", caught.exception.detail)

    def test_refuses_the_lines_of_a_page(self):
        row = b'a.png\t[{"transcription": "x", "points": [[0, 0], [1, 0], [1, 1], [0, 1]]}]'
        with self.assertRaisesRegex(Refused, "bad_row: PaddleOCR's text detection"):
            parse_row(row, DIGITS, parse=parse_text)


if __name__ == "__main__":
    tf.test.main()
