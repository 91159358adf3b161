"""Class ids of characters, and where the blank is."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset, show_characters
from densenet_ocr.pipeline.errors import Refused


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

    def test_says_which_character_the_row_of_the_blank_shows(self):
        with self.assertRaises(Refused) as caught:
            Charset("bc", placeholder="a").encode("cabx")
        self.assertEqual(
            caught.exception.detail,
            "the charset lacks 'a' (U+0061), 'x' (U+0078); 'a' is row 0 of the charset file, which stands for "
            "the blank: --charset_blank=none makes it a character",
        )

    @parameterized.parameters(
        ("NFC", "é", "e\u0301", [0]),
        ("NFC", "é", "é", [0]),
        ("NFKC", "1a", "１ａ", [0, 1]),
        ("NFKC", "，１", ",1", [0, 1]),  # the charset has the full-width forms alone
        ("NFKC", "，,", ",，", [1, 1]),
        ("NFKC", ".", "…", [0, 0, 0]),
    )
    def test_encodes_the_normal_form_of_a_text(self, form, characters, text, ids):
        self.assertEqual(Charset(characters, normalize=form).encode(text), ids)

    @parameterized.parameters(
        ("none", "é1", "e\u03011", "; NFC would fit: --normalize=NFC"),
        ("none", "é1", "é１", "; NFKC would fit: --normalize=NFKC"),
        ("NFC", "é1", "é１", "; NFKC would fit: --normalize=NFKC"),
        ("none", "é1", "e\u03012", "the charset lacks '2' (U+0032), 'e' (U+0065), '\u0301' (U+0301)"),
        ("NFKC", "é1", "2", "the charset lacks '2' (U+0032)"),
    )
    def test_a_text_that_only_normalising_would_fit_is_refused_with_that_advice(
        self, form, characters, text, end
    ):
        with self.assertRaises(Refused) as caught:
            Charset(characters, normalize=form).encode(text)
        self.assertEndsWith(caught.exception.detail, end)

    def test_ids_are_rows_of_the_file_if_its_first_row_is_a_character(self):
        charset = Charset("abc", first_row=0)
        self.assertEqual(charset.encode_rows([b"0", b"2", b"01"]), [0, 2, 1])
        with self.assertRaises(Refused) as caught:
            charset.encode_rows([b"3"])
        self.assertEqual(caught.exception.detail, "id '3' is not a whole number from 0 to 2")

    def test_charsets_of_the_same_classes_are_equal_whatever_file_they_are_from(self):
        self.assertEqual(Charset("ab", placeholder="c", first_row=0), Charset("ab"))
        self.assertEqual(hash(Charset("ab", placeholder="c", first_row=0)), hash(Charset("ab")))

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
