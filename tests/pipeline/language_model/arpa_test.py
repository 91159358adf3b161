"""ARPA files."""

import gzip
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.language_model import trie
from densenet_ocr.pipeline.language_model.arpa import read_arpa, write_arpa
from densenet_ocr.pipeline.language_model.kneser_ney import estimate
from densenet_ocr.pipeline.language_model.language_model import LanguageModel, load_language_model
from densenet_ocr.pipeline.language_model.ngrams import Vocabulary
from tests.pipeline.language_model import samples
from tests.pipeline.language_model.counts_test import count

# Written by hand, with rows in no order, blanks of both kinds, and a comment before the data.
ARPA = """made by hand

\\data\\
ngram 1=6
ngram 2=5
ngram 3=2

\\1-grams:
-1.0 <unk>
-99 <s> -0.5
-0.7\t</s>
-0.4\tb\t-0.25
-0.6\ta\t-0.125
-2\t<space>

\\2-grams:
-0.3\t<s> a\t-0.0625
-0.2\ta b\t-0.03125
-0.9\tb </s>
-0.8\ta a
-1.1\tb <space>

\\3-grams:
-0.1\t<s> a b
-0.15\ta b </s>

\\end\\
"""


class ArpaTest(parameterized.TestCase, tf.test.TestCase):
    def write(self, text: str | bytes, name: str = "text.arpa") -> str:
        path = os.path.join(self.create_tempdir().full_path, name)
        with open(path, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        return path

    @parameterized.parameters(False, True)
    def test_scores_follow_the_file(self, compressed):
        data = gzip.compress(ARPA.encode()) if compressed else ARPA
        model = load_language_model(self.write(data), Charset("ba c"))
        self.assertEqual((model.order, model.ngrams, model.lacks), (3, [6, 5, 2], "c"))
        for text, decimals in [
            ("ab", [-0.3, -0.1, -0.15]),
            ("aa", [-0.3, -0.0625 - 0.8, -0.125 - 0.7]),
            ("b", [-0.5 - 0.4, -0.9]),
            ("ab a", [-0.3, -0.1, -0.03125 - 1.1, -0.6, -0.125 - 0.7]),
            ("acb", [-0.3, -0.0625 - 0.125 - 1.0, -0.4, -0.9]),
        ]:
            scores = model.score_classes(Charset("ba c").encode(text))
            self.assertAllClose(np.array(scores) / np.log(10), decimals, atol=1e-6)

    @parameterized.parameters("text.arpa", "text.arpa.gz")
    def test_what_is_written_is_read(self, name):
        vocabulary = Vocabulary("ab cde")
        model, _ = estimate(count(samples.make_rows(seed=4, rows=300), 4, vocabulary=vocabulary), (0, 0, 1, 1))
        path = self.write(b"", name)
        self.assertEqual(write_arpa(path, model), os.path.getsize(path))
        found = read_arpa(path)
        self.assertEqual(found.vocabulary, vocabulary)
        for order in range(4):
            self.assertAllEqual(found.keys[order], model.keys[order])
            self.assertAllClose(
                found.log_probabilities[order], model.log_probabilities[order], rtol=1e-6, atol=1e-6
            )
        for mine, theirs in zip(found.log_backoffs, model.log_backoffs, strict=True):
            self.assertAllClose(mine, theirs, rtol=1e-6, atol=1e-6)
        charset = Charset(vocabulary.characters)
        scores = [LanguageModel(vocabulary, trie.pack(m), charset).score_text("abc a") for m in (model, found)]
        self.assertAllClose(*scores)

    @parameterized.parameters(
        ("-0.4\tb\t", "-0.4\tbe\t", r"arpa:12: received the token 'be', expected one character"),
        ("-0.2\ta b", "-0.2\ta d", r"arpa:18: received 'd', expected a token of .1-grams"),
        ("-0.2\ta b", "-0.2\ta", r"arpa:18: received the token '-0.03125', expected one char"),
        ("-0.2\ta b", "x\ta b", r"arpa:18: .*expected logarithms as numbers"),
        ("ngram 2=5", "ngram 2=4", r"arpa:21: received '-1.1\\tb <space>', expected .3-grams"),
        ("ngram 2=5", "ngram 2=6", r"arpa:23: received '.*3-grams:'"),
        ("ngram 2=5", "ngram 3=5", r"arpa:5: .*expected the number of n-grams of order 2"),
        ("<s> a b", "<s> b b", "received an n-gram of order 3 whose first 2 tokens are none"),
        ("-0.8\ta a", "-0.8\ta b", "received an n-gram of order 2 twice"),
        ("\\end\\", "", r"expected .end. behind"),
        ("\\data\\", "data", r"received no .data."),
    )
    def test_what_is_wrong_is_named(self, old, new, message):
        self.assertIn(old, ARPA)
        with self.assertRaisesRegex(UserError, message):
            read_arpa(self.write(ARPA.replace(old, new, 1)))

    def test_a_damaged_compressed_file_is_named(self):
        with self.assertRaisesRegex(UserError, "ARPA file .*text.arpa:"):
            read_arpa(self.write(gzip.compress(ARPA.encode())[:-30]))


if __name__ == "__main__":
    tf.test.main()
