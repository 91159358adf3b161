"""What was taken for what: counts, shares and examples, in an order that does not depend on the lines'."""

import tensorflow as tf

from densenet_ocr.model.report.alignment import align
from densenet_ocr.model.report.confusions import Confusion, Confusions, Missed


def add_lines(*lines) -> Confusions:
    """The confusions of lines, each (key, truth, reading)."""
    confusions = Confusions()
    for key, truth, reading in lines:
        confusions.add_truth(truth)
        confusions.add_steps(key, align(truth, reading))
    return confusions


LINES = [("1", "O0", "00"), ("2", "OK", "0K"), ("3", "ll", "l"), ("4", "ab", "abb"), ("5", "O", "Q")]


class ConfusionsTest(tf.test.TestCase):
    def test_counts_substitutions_of_all_edits_and_of_the_character(self):
        found = add_lines(*LINES).substitutions(10)
        self.assertEqual(found, [Confusion("O", "0", 2, 2 / 5, 3, "1"), Confusion("O", "Q", 1, 1 / 5, 3, "5")])

    def test_counts_lost_and_extra_characters(self):
        found = add_lines(*LINES)
        self.assertEqual(found.deletions(10), [Confusion("l", "", 1, 1 / 5, 2, "3")])
        self.assertEqual(found.insertions(10), [Confusion("", "b", 1, 1 / 5, 0, "4")])

    def test_shares_of_all_edits_add_up_to_one(self):
        found = add_lines(*LINES)
        edits = found.substitutions(10) + found.deletions(10) + found.insertions(10)
        self.assertAllClose(sum(confusion.share for confusion in edits), 1.0)
        self.assertEqual(sum(confusion.count for confusion in edits), found.edits)

    def test_what_was_missed_is_what_was_misread_or_lost(self):
        self.assertEqual(add_lines(*LINES).missed(10), [Missed("O", 3, 3), Missed("l", 1, 2)])

    def test_the_most_frequent_come_first_and_equal_ones_by_code_point(self):
        lines = [("1", "b", "c"), ("2", "a", "d"), ("3", "a", "c"), ("4", "z", "y"), ("5", "z", "y")]
        expected = [("z", "y"), ("a", "c"), ("a", "d"), ("b", "c")]
        for order in (lines, lines[::-1]):
            found = add_lines(*order).substitutions(10)
            self.assertEqual([(c.truth, c.reading) for c in found], expected)
        self.assertLen(add_lines(*lines).substitutions(2), 2)

    def test_nothing_is_confused_where_all_is_right(self):
        found = add_lines(("1", "ab", "ab"))
        self.assertEmpty(
            found.substitutions(10) + found.deletions(10) + found.insertions(10) + found.missed(10)
        )
        self.assertEqual(found.occurrences, {"a": 1, "b": 1})


if __name__ == "__main__":
    tf.test.main()
