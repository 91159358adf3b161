"""Statistics as numbers, in words and in order."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.inspection.statistics import find_median, format_range, rank, read_counts
from densenet_ocr.pipeline.dataset_info import SplitInfo


class CountsTest(parameterized.TestCase, tf.test.TestCase):
    def test_values_are_numbers_in_order(self):
        split = SplitInfo((), 0, {}, {"widths": {"100": 1, "20": 2}}, {})
        self.assertEqual(list(read_counts(split, "widths").items()), [(20, 2), (100, 1)])
        self.assertEqual(read_counts(split, "characters"), {})

    @parameterized.parameters(({3: 1}, 3), ({1: 1, 9: 1}, 1), ({1: 1, 5: 3, 9: 1}, 5), ({1: 2, 2: 1, 7: 4}, 7))
    def test_the_median_is_the_value_in_the_middle(self, counts, median):
        self.assertEqual(find_median(counts), median)

    @parameterized.parameters(
        ({}, "none"), ({10: 7}, "all 10"), ({1: 1, 4: 5, 1200: 1}, "1 to 1,200, median 4")
    )
    def test_in_words(self, counts, words):
        self.assertEqual(format_range(counts), words)

    def test_the_most_frequent_comes_first_and_equals_in_order(self):
        self.assertEqual(rank({5: 1, 2: 3, 1: 1}), [2, 1, 5])


if __name__ == "__main__":
    tf.test.main()
