"""Counts of lines follow the shares at every line, and start anywhere."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.mixtures.apportionment import choose_sources, count_lines


class ApportionmentTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ((1, 3), 0.5), ((7, 2), 0.5), ((1, 10, 20), 1), ((5, 3, 2), 1), ((999_999, 1), 0.5)
    )
    def test_counts_never_fall_and_stay_within_a_line_of_the_shares(self, shares, most):
        position = np.arange(3000)
        counts = np.stack(count_lines(shares, position))
        self.assertAllEqual(counts.sum(axis=0), position)
        self.assertAllInSet(np.diff(counts), [0, 1])
        exact = position * np.array(shares)[:, None] / sum(shares)
        self.assertLessEqual(np.abs(counts - exact).max(), most + 1e-9)

    def test_a_count_is_the_same_for_numbers_and_tensors_of_any_size(self):
        position = 4 * 10**12 + 1
        expected = count_lines((999_999, 1), position)
        found = count_lines((999_999, 1), tf.constant(position, tf.int64))
        self.assertEqual([int(count) for count in found], expected)

    def test_batches_have_the_counts_of_their_steps_in_an_order_that_differs(self):
        batches = [choose_sources((1, 3), 10, 5, tf.constant(k, tf.int64)).numpy() for k in range(8)]
        self.assertEqual(np.bincount(np.concatenate(batches)).tolist(), [20, 60])
        self.assertContainsSubset({2, 3}, {int(np.sum(batch == 0)) for batch in batches})
        self.assertLen({tuple(batch) for batch in batches}, 8)


if __name__ == "__main__":
    tf.test.main()
