"""Corpora: text files as class ids, and their break opportunities."""

import hashlib
import os
from itertools import pairwise
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.synthesis.text.corpus import Corpus, count_undrawable, find_breaks, read_corpora
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError

CHARSET = Charset("0123456789abc一二三，")
WITH_SPACE = Charset("abc一二 ")


def split(text: str) -> list[str]:
    """Returns the parts between the breaks of a text."""
    breaks = np.flatnonzero(find_breaks(np.array([ord(character) for character in text], np.uint32)))
    return [text[start:end] for start, end in pairwise(breaks.tolist())]


class FindBreaksTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("中文，字", ["中", "文", "，", "字"]),
        ("用iPhone4拍", ["用", "iPhone4", "拍"]),
        ("是3.14和10:30", ["是", "3.14", "和", "10:30"]),
        ("共1,000人", ["共", "1,000", "人"]),
        ("增50%，", ["增", "50%", "，"]),
        ("￥5元", ["￥5", "元"]),
        ("它don't说", ["它", "don't", "说"]),
        ("在AT&T和km/h", ["在", "AT&T", "和", "km/h"]),
        ("Ａ１．５％的", ["Ａ１．５％", "的"]),
        ("好……吗", ["好", "……", "吗"]),
        ("他——她—", ["他", "——", "她", "—"]),
        ("…—", ["…", "—"]),
        ("été到Привет", ["été", "到", "Привет"]),
        ("e\u0301a\u0300", ["e\u0301a\u0300"]),
        ("か\u3099き", ["か\u3099", "き"]),
        # A full stop, a comma and a colon join only what stands on both sides.
        ("a. b,c:d", ["a", ".", " ", "b", ",", "c", ":", "d"]),
        ("5.一", ["5", ".", "一"]),
        ("", []),
        ("a", ["a"]),
        ("ab", ["ab"]),
        ("\u0301a", ["\u0301", "a"]),
    )
    def test_words_numbers_and_marks_stay_whole(self, text, parts):
        self.assertEqual(split(text), parts)


class CorpusCase(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def write(self, name: str, data: bytes | str) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        return path

    def read(self, source: str, charset: Charset = CHARSET, **options) -> Corpus:
        [corpus] = read_corpora([source], charset, **options)
        return corpus

    def show(self, corpus: Corpus) -> str:
        """Returns the text of a corpus, with ~ for id -1."""
        return "".join(corpus.charset.characters[k] if k >= 0 else "~" for k in corpus.ids.tolist())

    def show_text(self, text: str, charset: Charset = CHARSET, **options) -> str:
        return self.show(self.read(self.write("text.txt", text), charset, **options))


class ReadCorporaTest(parameterized.TestCase, CorpusCase):
    @parameterized.parameters(
        ("一二\n三\n", "一二~三~"),
        ("\ufeff一\r\n二", "一~二~"),
        ("一\n\n \n二\r三\u2028一", "一~二~三~一~"),
    )
    def test_text_is_read_row_by_row(self, text, shown):
        self.assertEqual(self.show_text(text), shown)

    def test_another_encoding_is_read(self):
        path = self.write("gbk.txt", "一二三".encode("gb18030"))
        self.assertEqual(self.show(self.read(path, encoding="gb18030")), "一二三~")
        with self.assertRaisesRegex(
            UserError, r"gbk.txt:1: received bytes that are not utf-8 .*--text_encoding"
        ):
            self.read(path)
        with self.assertRaisesRegex(UserError, "text encoding: received 'rot13'"):
            self.read(path, encoding="rot13")

    def test_utf16_is_read(self):
        path = self.write("16.txt", "一二\n".encode("utf-16"))
        self.assertEqual(self.show(self.read(path, encoding="utf-16")), "一二~")

    def test_an_encoding_error_names_the_line(self):
        with self.assertRaisesRegex(UserError, "text.txt:3: received bytes"):
            self.read(self.write("text.txt", b"a\nb\n\xff\n"))

    def test_characters_outside_the_charset_are_counted_and_break_the_text(self):
        corpus = self.read(self.write("text.txt", "一龙二龙\n三é\n"))
        self.assertEqual(self.show(corpus), "一~二~~三~~")
        self.assertEqual(list(corpus.outside.items()), [("龙", 2), ("é", 1)])

    def test_a_word_with_a_character_outside_the_charset_is_not_split(self):
        corpus = self.read(self.write("text.txt", "一aéb二"))
        self.assertEqual(np.flatnonzero(~corpus.may_break).tolist(), [2, 3])

    def test_a_run_of_blanks_is_one_space(self):
        self.assertEqual(self.show_text(" 一 \t\u3000二  \n\u3000a\n", WITH_SPACE), "一 二~a~")

    def test_lines_end_at_blanks_without_a_space_in_the_charset(self):
        corpus = self.read(self.write("text.txt", "一  二\n"))
        self.assertEqual(self.show(corpus), "一~二~")
        self.assertEqual(corpus.outside, {" ": 1})

    def test_the_ideographic_space_is_used_without_a_plain_one(self):
        self.assertEqual(self.show_text("一 二\n", Charset("一二\u3000")), "一\u3000二~")

    def test_a_list_has_the_labels_of_its_rows(self):
        path = self.write("list.txt", "x.jpg 1 2 11\r\n\ny y.jpg\t一a 二龙\n")
        corpus = self.read(f"list:{path}", list_format="mixed")
        self.assertEqual(self.show(corpus), "01a~一a~二~~")
        self.assertEqual(corpus.outside, {" ": 1, "龙": 1})

    @parameterized.parameters(("a.jpg 99", "bad_id"), ("a.jpg\t\xff", "bad_encoding"))
    def test_a_wrong_row_of_a_list_is_named(self, row, reason):
        path = self.write("list.txt", b"b.jpg 1\n" + row.encode("latin-1"))
        with self.assertRaisesRegex(UserError, f"list.txt:2: received {reason}"):
            self.read(f"list:{path}", list_format="mixed")

    def test_texts_behind_a_space_are_no_ids(self):
        path = self.write("list.txt", "x.jpg 12\ny.jpg 一二\nz.jpg a\n")
        self.assertEqual(self.show(self.read(f"list:{path}")), "12~一二~a~")
        with self.assertRaisesRegex(UserError, "'x.jpg 12', the ids of 'b' .*--list_format"):
            self.read("list:" + self.write("numbers.txt", "x.jpg 12\n"))

    def test_a_glob_is_one_corpus_and_its_files_are_hashed(self):
        paths = [self.write("b.txt", "二"), self.write("a.txt", "一")]
        os.mkdir(os.path.join(self.folder, "c.txt"))
        corpus = self.read(f"{self.folder}/*.txt=2.5")
        self.assertEqual((self.show(corpus), corpus.weight), ("一~二~", 2.5))
        self.assertEqual(
            corpus.files,
            {path: hashlib.sha256(text.encode()).hexdigest() for path, text in zip(paths, "二一", strict=True)},
        )

    def test_a_file_name_has_precedence_over_a_weight(self):
        path = self.write("news=3", "一")
        self.assertEqual(self.read(path).weight, 1)
        self.assertEqual(self.read(f"{path}=4").weight, 4)

    @parameterized.parameters(
        "none.txt", "list:none.txt=2", "text.txt=0", "text.txt=-1", "text.txt=inf", "", "=1"
    )
    def test_a_missing_source_is_refused(self, source):
        with self.assertRaisesRegex(UserError, "received no such file, expected files of text"):
            self.read(os.path.join(self.folder, source) if source.startswith("text") else source)
        with self.assertRaisesRegex(UserError, "text: received no source"):
            read_corpora([], CHARSET)

    def test_charset_has_all_characters_but_blanks(self):
        corpus = self.read("charset=2", WITH_SPACE)
        self.assertTrue(corpus.uniform)
        self.assertEqual((corpus.weight, self.show(corpus)), (2, "abc一二"))

    def test_long_text_is_read_in_parts_of_whole_rows(self):
        self.enter_context(mock.patch("densenet_ocr.pipeline.text.text_files._PART", 3))
        self.assertEqual(self.show_text("一二三一二三\n一\n二\n"), "一二三一二三~一~二~")
        rows = "".join(f"{n}.jpg\t一二\n" for n in range(5))
        self.assertEqual(self.show(self.read("list:" + self.write("list.txt", rows))), "一二~" * 5)


class TextNormaliserTest(parameterized.TestCase, CorpusCase):
    def test_width_forms_are_kept_by_default(self):
        self.assertEqual(self.show_text("１1，", Charset("1１")), "１1~~")

    def test_half_converts_full_width_forms_only(self):
        charset = Charset("1,a¯ガ㎡Ⅳ ")
        self.assertEqual(self.show_text("１，ａ￣ｶﾞ\u3000㎡Ⅳ", charset, width="half"), "1,a¯ガ ㎡Ⅳ~")

    def test_full_converts_to_full_width_forms(self):
        charset = Charset("１，ａガ￦一\u3000 ")
        self.assertEqual(self.show_text("1,a ｶﾞ₩一", charset, width="full"), "１，ａ\u3000ガ￦一~")

    def test_texts_are_kept_by_default_and_brought_to_a_normal_form_on_demand(self):
        self.assertEqual(self.show_text("e\u0301b１", Charset("eéb1")), "e~b~~")
        self.assertEqual(self.show_text("e\u0301b１", Charset("eéb1"), normalize="NFC"), "éb~~")
        self.assertEqual(
            self.show_text("e\u0301b１，", Charset("eéb1，", normalize="NFKC"), normalize="NFKC"), "éb1，~"
        )

    def test_an_unknown_width_is_refused(self):
        with self.assertRaisesRegex(UserError, "received 'wide', expected as_is, half, full"):
            self.show_text("", width="wide")

    def test_the_character_map_is_applied_first(self):
        table = self.write("map.txt", "\ufeff龙\t一二\r\n \t\n，\t,\n")
        charset = Charset("一二,")
        corpus = self.read(self.write("text.txt", "龙 二，\n"), charset, character_map=table)
        self.assertEqual((self.show(corpus), corpus.outside), ("一二二,~", {}))

    @parameterized.parameters("ab\tc", "a", "a\tb\tc", "x\ty\nx\tz")
    def test_a_wrong_row_of_a_map_is_named(self, rows):
        path = self.write("map.txt", rows)
        with self.assertRaisesRegex(UserError, rf"character map .*map.txt:{rows.count(chr(10)) + 1}: received"):
            self.show_text("", character_map=path)


class CountUndrawableTest(CorpusCase):
    def test_characters_without_a_face_are_counted(self):
        corpus = self.read(self.write("text.txt", "二一一三"))
        coverage = np.ones((2, 17), bool)
        coverage[:, CHARSET.encode("一二")] = False
        coverage[1, CHARSET.encode("三")] = False
        self.assertEqual(list(count_undrawable([corpus, corpus], coverage).items()), [("一", 4), ("二", 2)])


if __name__ == "__main__":
    tf.test.main()
