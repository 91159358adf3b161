"""Confidences are counted in their bins, and compared with what is right."""

import dataclasses
import math

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.metrics import wilson_interval
from densenet_ocr.model.report.reliability import THRESHOLDS, Reliability


def add_all(*pairs) -> Reliability:
    calibration = Reliability()
    for confidence, right in pairs:
        calibration.add(confidence, right)
    return calibration


class CalibrationTest(parameterized.TestCase, tf.test.TestCase):
    def test_a_bin_has_its_count_its_mean_and_the_share_that_is_right(self):
        bins = add_all((0.91, True), (0.97, False), (0.96, True), (0.25, False)).bins()
        self.assertLen(bins, 10)
        self.assertAllClose(dataclasses.astuple(bins[9])[:5], (0.9, 1.0, 3, (0.91 + 0.97 + 0.96) / 3, 2 / 3))
        self.assertEqual(bins[9].right_95, wilson_interval(2, 3))
        self.assertAllClose(dataclasses.astuple(bins[2])[:5], (0.2, 0.3, 1, 0.25, 0.0))
        self.assertEqual((bins[5].count, bins[5].confidence, bins[5].right), (0, None, None))

    @parameterized.parameters((0.0, 0), (0.1, 1), (0.5, 5), (0.3, 3), (0.7, 7), (0.899, 8), (0.9, 9), (1.0, 9))
    def test_a_bin_holds_its_low_end_and_the_last_one_both(self, confidence, place):
        counts = [bin.count for bin in add_all((confidence, True)).bins()]
        self.assertEqual(counts.index(1), place)

    def test_bins_agree_with_counting_at_once(self):
        draws = np.random.default_rng(1)
        confidences = draws.beta(4, 0.5, 5000)
        rights = draws.random(5000) < confidences**2
        calibration = add_all(*zip(confidences.tolist(), rights.tolist(), strict=True))
        places = np.minimum((confidences * 10).astype(int), 9)
        gaps = [
            np.sum(places == k) * abs(np.mean(confidences[places == k]) - np.mean(rights[places == k]))
            for k in np.unique(places)
        ]
        self.assertAllClose(calibration.error, sum(gaps) / 5000)
        for low, bin in zip(THRESHOLDS, calibration.thresholds(), strict=True):
            self.assertEqual((bin.low, bin.count), (low, np.sum(confidences >= low)))
            self.assertAllClose(bin.right, np.mean(rights[confidences >= low]))

    def test_confidence_that_is_right_has_no_error_and_boasting_has_all(self):
        self.assertEqual(add_all((1.0, True), (0.0, False)).error, 0.0)
        self.assertEqual(add_all((1.0, False)).error, 1.0)

    def test_nothing_counted_has_no_error(self):
        self.assertIsNone(Reliability().error)
        self.assertLen(Reliability().thresholds(), len(THRESHOLDS))

    @parameterized.parameters(math.nan, -0.1, 1.1, math.inf)
    def test_what_is_no_confidence_is_refused(self, value):
        with self.assertRaisesRegex(ValueError, "confidence"):
            Reliability().add(value, True)

    def test_a_rounding_above_1_counts_as_sure(self):
        self.assertEqual(add_all((1.0000001, True)).bins()[9].count, 1)


if __name__ == "__main__":
    tf.test.main()
