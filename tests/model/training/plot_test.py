"""Scales have round numbers on them, and strokes lie where their points are."""

import math

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.training.plot import choose_epochs, choose_scale, draw_mask, split_at_gaps, tell_number

NAN = math.nan


class ScaleTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ([3.1, 12.9, NAN], [0.0, 5.0, 10.0, 15.0]),
        ([1e-3], [0.0, 0.0002, 0.0004, 0.0006, 0.0008, 0.001, 0.0012]),
        ([0.98, 0.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]),
        ([7e6, 8e6], [0.0, 2e6, 4e6, 6e6, 8e6, 1e7]),
        ([0.0, NAN], [0.0, 1.0]),
        ([math.inf], [0.0, 1.0]),
    )
    def test_a_linear_scale_begins_at_0_and_holds_all_numbers(self, values, ticks):
        scale = choose_scale(values)
        self.assertAllClose(scale.ticks, ticks)
        self.assertAllClose((scale.low, scale.high), (0.0, ticks[-1]))
        self.assertFalse(scale.is_log)

    @parameterized.parameters(
        ([2.0, 120.0], 2.0, 200.0, [2, 5, 10, 20, 50, 100, 200]),
        ([0.003, 48.0, NAN, 0.0], 0.002, 50.0, [0.01, 0.1, 1.0, 10.0]),
        ([1e-12, 1.0], 1e-12, 1.0, [1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0]),
    )
    def test_numbers_that_span_decades_are_in_logarithms(self, values, low, high, ticks):
        scale = choose_scale(values)
        self.assertTrue(scale.is_log)
        self.assertAllClose((scale.low, scale.high), (low, high), rtol=1e-9)
        self.assertAllClose(scale.ticks, ticks, rtol=1e-9)

    def test_a_ratio_of_50_is_still_linear_and_so_is_what_shall_not_be_in_logarithms(self):
        self.assertFalse(choose_scale([1.0, 50.0]).is_log)
        self.assertFalse(choose_scale([1.0, 500.0], may_be_log=False).is_log)

    def test_places_are_shares_of_the_axis_and_end_where_it_ends(self):
        linear, log = choose_scale([4.0, 9.0]), choose_scale([0.01, 100.0])
        self.assertAllClose([linear.place(value) for value in (-1.0, 0.0, 5.0, 10.0, 11.0)], [0, 0, 0.5, 1, 1])
        self.assertAllClose([log.place(value) for value in (0.0, 0.01, 1.0, 100.0, 1e9)], [0, 0, 0.5, 1, 1])

    @parameterized.parameters(
        (1, 1, [1]),
        (1, 6, [1, 2, 3, 4, 5, 6]),
        (1, 22, [1, *range(2, 23, 2)]),
        (3, 30, [3, *range(4, 31, 2)]),
        (1, 5000, [1, *range(500, 5001, 500)]),
    )
    def test_epochs_told_are_round_and_few(self, first, last, told):
        self.assertEqual(choose_epochs(first, last), told)

    @parameterized.parameters(
        (0.0, "0"),
        (0.002, "0.002"),
        (3.14159, "3.142"),
        (50.0, "50"),
        (12500.0, "12,500"),
        (123456.0, "123,500"),
        (999_999.0, "1,000,000"),
        (0.00002, "2e-5"),
        (4.444e-5, "4.44e-5"),
        (2e6, "2e6"),
    )
    def test_numbers_are_readable(self, value, told):
        self.assertEqual(tell_number(value), told)


class StrokesTest(tf.test.TestCase):
    def test_a_gap_ends_a_stroke(self):
        a, gap, b, c = (0.0, 1.0), (1.0, NAN), (2.0, 1.0), (3.0, 1.0)
        self.assertEqual(split_at_gaps([gap, a, gap, gap, b, c, gap]), [[a], [b, c]])
        self.assertEqual(split_at_gaps([gap]), [])

    def test_a_stroke_covers_its_pixels_and_is_smooth_beside_them(self):
        mask = np.asarray(draw_mask((20, 9), [[(2.0, 4.0), (17.0, 4.0)]], 2, dotted=False))
        self.assertAllEqual(mask[4, 3:17], [255] * 14)
        self.assertAllEqual(np.delete(mask, (3, 4, 5), axis=0), np.zeros((6, 20)))
        slanted = np.asarray(draw_mask((20, 20), [[(2.0, 4.0), (17.0, 14.0)]], 2, dotted=False))
        self.assertGreater(len(np.unique(slanted)), 4)

    def test_a_point_alone_is_a_dot(self):
        mask = np.asarray(draw_mask((20, 20), [[(10.0, 10.0)]], 2, dotted=False))
        rows, columns = np.nonzero(mask)
        self.assertAllClose((rows.mean(), columns.mean()), (10, 10), atol=0.5)
        self.assertBetween(len(rows), 9, 49)


if __name__ == "__main__":
    tf.test.main()
