"""Thresholds that make a model small enough."""

import itertools
import math

import tensorflow as tf

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.language_model import trie
from densenet_ocr.pipeline.language_model.kneser_ney import estimate
from densenet_ocr.pipeline.language_model.pruning import _fill, _raise, find_thresholds
from tests.pipeline.language_model import samples
from tests.pipeline.language_model.counts_test import count


class PruningTest(tf.test.TestCase):
    def test_the_longest_ngrams_are_pruned_first(self):
        raised = list(itertools.islice(_raise((0, 0, 0, 0)), 10))
        self.assertEqual(
            ["".join(map(str, numbers)) for numbers in raised],
            ["0000", "0001", "0002", "0012", "0013", "0113", "0123", "0124", "0224", "0234"],
        )
        self.assertEqual(list(itertools.islice(_raise((0, 0, 0, 3)), 3))[1:], [(0, 0, 1, 3), (0, 1, 1, 3)])

    def test_a_model_is_as_large_as_it_may_be(self):
        counts = count(samples.make_rows(seed=1, rows=2000), 5)
        sizes = []
        for limit in (math.inf, 13_000, 11_000, 10_000):
            thresholds = find_thresholds(counts, (0,) * 5, limit, quantize=True)
            model, _ = estimate(counts, thresholds)
            sizes.append(sum(array.nbytes for array in trie.pack(model).values()))
            self.assertLess(sizes[-1], limit + 100)
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertGreater(sizes[0], sizes[-1])

    def test_what_is_left_of_the_space_is_used(self):
        def fits(limits):
            return 10 * limits[2] + 3 * limits[3] + limits[4] >= 20

        self.assertEqual(_fill((0, 1, 2, 3, 5), (0, 0, 0, 0, 0), fits), (0, 0, 1, 2, 4))
        self.assertEqual(_fill((0, 1, 2, 3, 5), (0, 1, 2, 3, 4), fits), (0, 1, 2, 3, 4))

    def test_a_limit_that_nothing_fits_is_refused(self):
        with self.assertRaisesRegex(UserError, "max_megabytes: received 1e-05"):
            find_thresholds(count(samples.make_rows(seed=1), 5), (0,) * 5, 10, quantize=True)
        with self.assertRaisesRegex(UserError, "max_megabytes"):
            find_thresholds(count(samples.make_rows(seed=1), 2), (0, 0), 10, quantize=True)


if __name__ == "__main__":
    tf.test.main()
