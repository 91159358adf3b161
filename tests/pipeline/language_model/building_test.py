"""The whole way from text files to a file that scores."""

import os
import random
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.language_model.building import build
from densenet_ocr.pipeline.language_model.config import LanguageModelConfig
from densenet_ocr.pipeline.language_model.language_model import load_language_model

CHARSET = Charset("一二三四五六七八九 ，")
NUMBERS = "一二三四五六七八九"


def make_text(rows: int) -> str:
    """Rows that count upwards from somewhere, in steps of one or two."""
    made = []
    for row in range(rows):
        step = 1 + row % 2
        made.append("".join(NUMBERS[(row * 7 + step * k) % 9] for k in range(3 + row % 11)) + "，")
    return "\n".join(made) + "\n"


class BuildTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.charset = os.path.join(self.folder, "charset.txt")
        CHARSET.write(self.charset)

    def write(self, name: str, text: str) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def build(self, *texts: str, output: str = "text.lm", **settings) -> dict:
        config = LanguageModelConfig(
            text=texts, charset=self.charset, output=os.path.join(self.folder, output), **settings
        )
        return build(config)

    def test_a_model_is_made_of_text(self):
        self.write("a1.txt", make_text(400))
        self.write("a2.txt", "三二一\n\n  \n天地玄黄\n一天二\n")
        result = self.build(os.path.join(self.folder, "a*.txt"), held_out=0.2)
        self.assertEqual(result["read"], 403)
        self.assertEqual(result["refused"], {"unknown_character": 1})
        self.assertEqual(result["used"] + result["held_out"] + 1, result["read"])
        self.assertBetween(result["held_out"], 20, 200)
        self.assertEqual(result["unknown"], 5)
        self.assertEqual(result["bytes"], os.path.getsize(result["output"]))
        self.assertBetween(result["perplexity"], 1.0, 4.0)
        model = load_language_model(result["output"], CHARSET)
        self.assertEqual(model.ngrams, result["ngrams"])
        self.assertGreater(model.score_text("二三四五，"), model.score_text("四二五三，"))

    def test_a_list_is_a_text_of_its_labels(self):
        rows = "".join(f"{n}.jpg\t{text}\n" for n, text in enumerate(make_text(50).split()))
        listed = self.build("list:" + self.write("list.txt", rows), held_out=0.0)
        plain = self.build(self.write("plain.txt", make_text(50)), held_out=0.0)
        self.assertEqual(listed | {"seconds": 0}, plain | {"seconds": 0})
        self.assertIsNone(plain["perplexity"])

    def test_held_out_rows_are_chosen_by_their_text(self):
        twice = make_text(300) + make_text(300)
        once = self.build(self.write("a.txt", make_text(300)), held_out=0.3)
        result = self.build(self.write("b.txt", twice), held_out=0.3)
        self.assertEqual((2 * once["held_out"], 2 * once["used"]), (result["held_out"], result["used"]))

    def test_the_size_of_blocks_does_not_matter(self):
        path = self.write("a.txt", make_text(300) + "一天" * 50)
        datas = []
        for part in (1 << 22, 100):
            with (
                mock.patch("densenet_ocr.pipeline.text.text_files._PART", part),
                mock.patch("densenet_ocr.pipeline.text.text_files._READ_BYTES", part),
                mock.patch("densenet_ocr.pipeline.language_model.counts._BLOCK", part),
            ):
                result = self.build(path)
            with open(result["output"], "rb") as file:
                datas.append(file.read())
        self.assertEqual(*datas)

    def test_a_file_is_no_larger_than_it_may_be(self):
        draw = random.Random(0)
        path = self.write("a.txt", "\n".join("".join(draw.choices(NUMBERS, k=12)) for _ in range(5000)))
        sizes = [self.build(path, max_megabytes=most)["bytes"] for most in (0, 0.1, 0.05, 0.03)]
        self.assertGreater(sizes[0], 100_000)
        for size, most in zip(sizes[1:], (100_000, 50_000, 30_000), strict=True):
            self.assertLessEqual(size, most)
        with self.assertRaisesRegex(UserError, "--max_megabytes"):
            self.build(path, max_megabytes=0.001)

    def test_an_arpa_file_scores_alike(self):
        path = self.write("a.txt", make_text(400))
        scores = []
        for name in ("text.lm", "text.arpa", "text.arpa.gz"):
            result = self.build(path, output=name, quantize=False, prune="0,0,1")
            scores.append(load_language_model(result["output"], CHARSET).score_text("一二三，三二一"))
        self.assertAllClose(scores, [scores[0]] * 3, rtol=1e-6)

    def test_lines_may_begin_and_end_anywhere(self):
        path = self.write("a.txt", "一二三四五\n" * 100 + make_text(200))
        found = {}
        for marks in (True, False):
            result = self.build(path, marks=marks, held_out=0.2)
            model = load_language_model(result["output"], CHARSET)
            found[marks] = [model.score_text(text) for text in ("一二三四五", "三四")]
            self.assertLess(result["perplexity"], 4)
        # A part of a text is as likely as its characters, whatever comes before and behind it.
        self.assertLess(found[True][1], found[False][1] - 2)
        self.assertEqual(model.finish(model.start), 0.0)
        self.assertEmpty(model.score_classes([]))

    def test_text_is_normalised_as_labels_are(self):
        path = self.write("a.txt", "一,二\n" * 5)
        plain = self.build(path, held_out=0.0)
        mapped = self.build(path, held_out=0.0, width_forms="full")
        self.assertEqual((plain["unknown"], mapped["unknown"]), (5, 0))

    def test_what_cannot_be_used_is_refused(self):
        path = self.write("a.txt", make_text(20))
        with self.assertRaisesRegex(UserError, "received 1 rows, .*expected rows with characters"):
            self.build(self.write("b.txt", "天地\n"))
        with self.assertRaisesRegex(UserError, "received the weight 3"):
            self.build(path + "=3")
        with self.assertRaisesRegex(UserError, "text charset: received no files"):
            self.build("charset")
        with self.assertRaisesRegex(UserError, "received no such file"):
            self.build(os.path.join(self.folder, "none*.txt"))
        with self.assertRaisesRegex(UserError, "folder|No such"):
            self.build(path, output="none/text.lm")
        self.assertNotIn("text.lm", os.listdir(self.folder))

    @parameterized.parameters("1", "0,2,1", "0,x", "", "0,0,0,0,0,0", "-1")
    def test_wrong_numbers_of_prune_are_refused(self, prune):
        with self.assertRaisesRegex(UserError, "prune: received .*ascending whole numbers"):
            LanguageModelConfig(text=("a",), charset="c", output="o", prune=prune)

    def test_numbers_of_prune_count_for_further_orders(self):
        config = LanguageModelConfig(text=("a",), charset="c", output="o", prune="0,0,1")
        self.assertEqual(config.thresholds, (0, 0, 1, 1, 1))


if __name__ == "__main__":
    tf.test.main()
