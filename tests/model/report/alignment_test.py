"""Alignments have the fewest edits that are possible."""

import itertools

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.report.alignment import Step, align, count_edits

WORDS = ["".join(word) for length in range(5) for word in itertools.product("ab", repeat=length)]


def distance(truth: str, reading: str) -> int:
    """Levenshtein's distance by its definition."""
    if not truth or not reading:
        return len(truth) + len(reading)
    pair = distance(truth[1:], reading[1:]) + (truth[0] != reading[0])
    return min(pair, distance(truth[1:], reading) + 1, distance(truth, reading[1:]) + 1)


class AlignTest(parameterized.TestCase, tf.test.TestCase):
    def test_has_the_fewest_edits_and_both_texts_in_order(self):
        for truth, reading in itertools.product(WORDS, [*WORDS, "c", "acb", "cacb"]):
            steps = align(truth, reading)
            self.assertEqual(count_edits(steps), distance(truth, reading), f"{truth!r} read as {reading!r}")
            self.assertEqual("".join(step.truth for step in steps), truth)
            self.assertEqual("".join(step.reading for step in steps), reading)

    @parameterized.parameters(
        ("", "", []),
        ("ll", "l", [("l", "l"), ("l", "")]),
        ("l", "ll", [("l", "l"), ("", "l")]),
        ("ab", "ba", [("", "b"), ("a", "a"), ("b", "")]),
        ("abc", "", [("a", ""), ("b", ""), ("c", "")]),
        ("春天", "春大", [("春", "春"), ("天", "大")]),
        ("e\u0301", "é", [("e", "é"), ("\u0301", "")]),
    )
    def test_pairs_code_points_from_the_left(self, truth, reading, steps):
        self.assertEqual(align(truth, reading), [Step(*step) for step in steps])

    def test_counts_edits(self):
        self.assertEqual(count_edits(align("kitten", "sitting")), 3)
        self.assertEqual(count_edits(align("same", "same")), 0)


if __name__ == "__main__":
    tf.test.main()
