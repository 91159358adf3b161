"""Bars are as high as the counts that they stand for."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.inspection.charts import draw_histogram, draw_ranks, draw_reasons
from densenet_ocr.pipeline.ui.picture import BAR, SHADE, Typeface

SIZE = (400, 200)


def find_colour(chart, colour) -> np.ndarray:
    """Where a chart has a colour, bool [H, W]."""
    return (np.asarray(chart) == np.array(colour, np.uint8)).all(axis=-1)


def measure_bars(chart) -> list[int]:
    """Heights of bars from left to right, which paper or another height sets apart."""
    heights = find_colour(chart, BAR).sum(axis=0)
    starts = np.flatnonzero(np.diff(heights, prepend=0) != 0)
    return [int(heights[x]) for x in starts if heights[x]]


class ChartsTest(parameterized.TestCase, tf.test.TestCase):
    def test_a_histogram_has_a_bar_a_value_in_proportion(self):
        low, high, middle = measure_bars(draw_histogram({3: 10, 4: 100, 6: 50}, size=SIZE, title="lengths"))
        self.assertAllClose([low / high, middle / high], [0.1, 0.5], atol=0.02)

    def test_many_values_share_bars(self):
        chart = draw_histogram({width: 1 for width in range(50, 3050)}, size=SIZE, title="widths")
        self.assertBetween(len(measure_bars(chart)), 10, SIZE[0] // 10)

    @parameterized.parameters(({0: 5},), ({1: 1},), ({7: 1, 5000: 10**7},), ({1: 1, 2: 1},))
    def test_any_counts_can_be_drawn(self, counts):
        chart = draw_histogram(counts, size=SIZE, title="lengths")
        self.assertEqual(chart.size, SIZE)
        self.assertTrue(find_colour(chart, BAR).any())

    @parameterized.parameters(10, 6000)
    def test_ranks_fall_and_the_share_never_seen_is_shaded(self, total):
        characters = "".join(chr(0x4E00 + k) for k in range(total))
        counts = {k: 1 + k**2 for k in range(total // 2)}
        chart = draw_ranks(counts, characters, size=SIZE, face=Typeface(12))
        heights = measure_bars(chart)
        self.assertEqual(heights, sorted(heights, reverse=True))
        seen, never = (np.flatnonzero(find_colour(chart, colour).any(axis=0)) for colour in (BAR, SHADE))
        self.assertLess(seen.max(), never.min())

    def test_no_shade_where_every_character_was_seen(self):
        chart = draw_ranks({0: 5, 1: 1}, "ab", size=SIZE, face=Typeface(12))
        self.assertFalse(find_colour(chart, SHADE).any())

    def test_reasons_have_bars_in_proportion_the_longest_first(self):
        chart = draw_reasons({"bad_id": 25, "missing_image": 100}, size=SIZE, read=1000)
        lengths = find_colour(chart, BAR).sum(axis=1)
        first, *_, last = lengths[lengths > 0]
        self.assertAlmostEqual(last / first, 0.25, delta=0.02)


if __name__ == "__main__":
    tf.test.main()
