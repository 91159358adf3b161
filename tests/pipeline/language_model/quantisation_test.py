"""Logarithms in 8 bits."""

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline.language_model.quantisation import BINS, quantise


class QuantiseTest(tf.test.TestCase):
    def test_few_values_stay_exact(self):
        values = np.array([-1.5, -3, -1.5, -2.25, -3, -9], np.float32)
        codes, means = quantise(values)
        self.assertAllEqual(means[codes], values)

    def test_zero_stays_zero(self):
        values = -np.random.default_rng(0).exponential(size=5000).astype(np.float32)
        values[::3] = 0
        codes, means = quantise(values, keep_zero=True)
        self.assertAllEqual(codes == 0, values == 0)
        self.assertEqual(means[0], 0)

    def test_errors_are_those_of_bins_of_equal_population(self):
        values = -np.random.default_rng(0).exponential(size=100_000).astype(np.float32)
        codes, means = quantise(values)
        populations = np.bincount(codes, minlength=BINS)
        self.assertAllInRange(populations, 100_000 // BINS - 2, 100_000 // BINS + 2)
        self.assertLess(np.abs(means[codes] - values).mean(), 0.02)
        self.assertAllClose(means[codes].mean(), values.mean())

    def test_no_values_have_no_codes(self):
        self.assertEmpty(quantise(np.zeros(0, np.float32))[0])
        self.assertAllEqual(quantise(np.zeros(3, np.float32), keep_zero=True)[0], [0, 0, 0])


if __name__ == "__main__":
    tf.test.main()
