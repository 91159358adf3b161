r"""A lexicon gives the likeliest of its entries, and the share of each is that of all alignments."""

import math
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.decoding.beam_search import BeamSearch
from densenet_ocr.pipeline.decoding.candidates import Candidates
from densenet_ocr.pipeline.decoding.lexicon import Lexicon, parse_entry, read_lexicon
from densenet_ocr.pipeline.errors import UserError
from tests.pipeline.decoding.brute_force import sum_alignments

CHARSET = Charset("ab1\\ ")


class LexiconTest(parameterized.TestCase, tf.test.TestCase):
    def write(self, *rows: str) -> str:
        return self.create_tempfile("words.txt", "".join(f"{row}\n" for row in rows)).full_path

    def search(self, lexicon: Lexicon, logits: np.ndarray) -> dict[str, float]:
        """Probability by text, unbounded."""
        search = BeamSearch(width=None, lexicon=lexicon, least_share=0.0)
        found = search.search(Candidates(logits))
        return {"".join(CHARSET.characters[k] for k in h.ids): math.exp(h.log_probability) for h in found}

    def test_entries_have_the_probability_of_their_alignments(self):
        words = ["a", "ab", "aab", "b1", "ba\\\\", "a\\db", "\\c1", "1\\c"]
        lexicon = Lexicon([parse_entry(word, CHARSET) for word in words], CHARSET)
        fitting = (
            {"a", "ab", "aab", "b1", "ba\\", "a1b"} | {f"{c}1" for c in "ab1\\ "} | {f"1{c}" for c in "ab1\\ "}
        )
        for seed in range(60):
            logits = np.random.default_rng(seed).normal(size=(4, 6)).astype(np.float32) * 2
            expected = sum_alignments(logits)
            found = self.search(lexicon, logits)
            self.assertEqual(
                found.keys(), {text for text in fitting if tuple(CHARSET.encode(text)) in expected}
            )
            for text, probability in found.items():
                self.assertAllClose(probability, expected[tuple(CHARSET.encode(text))], rtol=1e-5)

    def test_finds_an_entry_among_thousands_by_characters_that_are_unlikely(self):
        charset = Charset("".join(chr(0x4E00 + k) for k in range(500)))
        random = np.random.default_rng(0)
        words = random.integers(0, 500, (20_000, 6)) + 2
        lexicon = Lexicon(words.tolist(), charset)
        logits = random.normal(size=(14, 501)).astype(np.float32)
        logits[::2, 500] += 14
        for place, code in enumerate(words[77]):
            logits[2 * place + 1, code - 2] += 12 if place % 2 else 3  # half of them are not the likeliest
        (best, *_) = BeamSearch(width=100, lexicon=lexicon, least_share=0).search(Candidates(logits, most=100))
        self.assertEqual(best.ids, (words[77] - 2).tolist())

    def test_counts_rows_and_shows_those_that_it_refuses(self):
        path = self.write("ab", "", "xb", "ab", "a\\q", "b1")
        with self.assertLogs(level="INFO") as logs:
            self.assertEqual(read_lexicon(path, CHARSET).entries, 2)
        text = "\n".join(logs.output)
        self.assertIn(f"{path}:3: unknown_character: the charset lacks 'x'", text)
        self.assertIn(f"{path}:5: bad_row: \\q is no wildcard: expected \\d for a digit", text)
        self.assertIn("5 rows, 3 used, 2 refused; 2 different entries", text)

    def test_refuses_a_digits_wildcard_without_digits(self):
        with self.assertLogs(level="INFO") as logs:
            self.assertEqual(read_lexicon(self.write("a", r"\d"), Charset("ab")).entries, 1)
        self.assertIn("no digit is in the charset and allowed", logs.output[0])

    def test_a_bounded_number_of_places_is_kept(self):
        words = [f"{a}{b}1{c}" for a in "ab1" for b in "ab1" for c in "ab1"]
        lexicon = Lexicon([parse_entry(word, CHARSET) for word in words], CHARSET)
        logits = np.random.default_rng(0).normal(size=(6, 6)).astype(np.float32)
        expected = self.search(lexicon, logits)
        with mock.patch("densenet_ocr.pipeline.decoding.lexicon._MOST_PLACES", 5):
            lexicon = Lexicon([parse_entry(word, CHARSET) for word in words], CHARSET)
            for _ in range(2):
                self.assertEqual(self.search(lexicon, logits), expected)

    def test_refuses_entries_of_forbidden_characters(self):
        allowed = np.array([True, True, False, True, True, True])
        with self.assertLogs(level="INFO") as logs:
            self.assertEqual(read_lexicon(self.write("ab", "b1"), CHARSET, allowed=allowed).entries, 1)
        self.assertIn("'1' (U+0031) is not among the allowed characters", logs.output[0])

    def test_takes_crlf_a_byte_order_mark_and_spaces_of_the_charset(self):
        path = self.create_tempfile(
            "words.txt", "\ufeffab\r\na b\r\n\r\na \t\r\n".encode(), mode="wb"
        ).full_path
        lexicon = read_lexicon(path, CHARSET)
        found = self.search(lexicon, np.zeros([5, 6], np.float32))
        self.assertEqual(found.keys(), {"ab", "a b", "a "})

    @parameterized.parameters(
        (b"", "no entry that can be used, of 0 rows"),
        (b"xyz\n", "no entry that can be used, of 1 rows; .*:1: unknown_character"),
        (b"\x89PNG\r\n", "received an image .PNG."),
    )
    def test_refuses_files_without_entries(self, content, message):
        path = self.create_tempfile("words.txt", content, mode="wb").full_path
        with self.assertRaisesRegex(UserError, message):
            read_lexicon(path, CHARSET)

    def test_classes_are_those_of_the_entries_and_the_blank(self):
        def classes(*words):
            return Lexicon([parse_entry(word, CHARSET) for word in words], CHARSET).find_classes()

        self.assertEqual(classes("a", "\\d").tolist(), [True, False, True, False, False, True])
        self.assertIsNone(classes("a", "\\cb"))


if __name__ == "__main__":
    tf.test.main()
