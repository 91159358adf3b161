"""What was mended and spoilt, by lines and by kinds of characters."""

import dataclasses

import tensorflow as tf

from densenet_ocr.model.report.alignment import align
from densenet_ocr.model.report.changes import Changes


class ChangesTest(tf.test.TestCase):
    def count(self, *lines, seen=None):
        changes = Changes(seen)
        for truth, greedy, reading in lines:
            changes.add(truth, greedy, align(truth, reading))
        return changes

    def test_counts_lines_and_characters_by_kind(self):
        changes = self.count(
            ("中1国", "申1国", "中1国"),
            ("12", "12", "17"),
            ("ab", "ab", "ab"),
            seen={"中": 99, "国": 100, "a": 500},
        )
        self.assertEqual(dataclasses.astuple(changes.lines), ("lines", 3, 1, 1))
        kinds = [dataclasses.astuple(kind) for kind in changes.kinds]
        self.assertEqual(kinds, [("digits", 3, 0, 1), ("rare characters", 2, 1, 0), ("others", 2, 0, 0)])
        self.assertAllClose(changes.greedy.exact_match, 2 / 3)
        self.assertAllClose(changes.greedy.cer, 1 / 7)
        self.assertEqual(changes.describe()["lines"], {"name": "lines", "count": 3, "mended": 1, "spoilt": 1})

    def test_a_lost_character_is_not_read_right(self):
        changes = self.count(("ab", "a", "ab"), ("ab", "abc", "ab"))
        self.assertEqual([k.mended for k in changes.kinds], [0, 1])
        self.assertEqual((changes.lines.mended, changes.lines.spoilt), (2, 0))

    def test_nothing_is_described_without_lines(self):
        self.assertIsNone(self.count().describe())


if __name__ == "__main__":
    tf.test.main()
