"""Alignments have the fewest edits there can be, and are the one that the rule names."""

import itertools

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.report.alignment import Step, align, count_edits

WORDS = ["".join(word) for length in range(5) for word in itertools.product("ab", repeat=length)]


def list_alignments(truth: str, reading: str) -> list[list[Step]]:
    """All of them; those that pair characters first, then drop the truth's, then take the reading's."""
    if not truth and not reading:
        return [[]]
    found = []
    for i, j in ((1, 1), (1, 0), (0, 1)):
        if i <= len(truth) and j <= len(reading):
            step = Step(truth[:i], reading[:j])
            found += [[step, *rest] for rest in list_alignments(truth[i:], reading[j:])]
    return found


class AlignTest(parameterized.TestCase, tf.test.TestCase):
    def test_is_the_first_of_all_alignments_with_the_fewest_edits(self):
        for truth, reading in itertools.product(WORDS, [*WORDS, "c", "acb", "cacb"]):
            # min gives the first of equal ones.
            best = min(list_alignments(truth, reading), key=count_edits)
            self.assertEqual(align(truth, reading), best, f"{truth!r} read as {reading!r}")

    @parameterized.parameters(
        ("", "", []),
        ("ll", "l", [("l", "l"), ("l", "")]),
        ("l", "ll", [("l", "l"), ("", "l")]),
        ("ab", "ba", [("a", "b"), ("b", "a")]),
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
