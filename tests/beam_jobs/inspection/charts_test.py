"""Bars are as high as the counts that they show."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from densenet_ocr.beam_jobs.inspection.statistics import draw_charts, draw_histogram, draw_ranks, draw_reasons
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import SplitInfo


def heights(axes) -> list[float]:
    return [bar.get_height() for bar in axes.patches]


class ChartsTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.axes = Figure().subplots()

    def test_a_histogram_has_a_bar_per_value(self):
        draw_histogram(self.axes, {3: 10, 4: 100, 6: 50}, "lengths")
        self.assertEqual(heights(self.axes), [10, 100, 0, 50])

    def test_many_values_share_bars_and_none_is_lost(self):
        draw_histogram(self.axes, {width: 1 for width in range(50, 3050)}, "widths")
        self.assertBetween(len(self.axes.patches), 10, 41)
        self.assertEqual(sum(heights(self.axes)), 3000)

    @parameterized.parameters(10, 6000)
    def test_ranks_fall_and_characters_that_never_occur_are_shaded(self, total):
        characters = "".join(chr(0x4E00 + k) for k in range(total))
        counts = {k: 1 + k**2 for k in range(total // 2)}
        draw_ranks(self.axes, counts, characters, FontProperties())
        shade = self.axes.patches[-1]
        self.assertAlmostEqual(shade.get_x() + shade.get_width(), total + (0.5 if total > 10 else -0.5))
        if total == 10:
            self.assertEqual(heights(self.axes)[:-1], sorted(counts.values(), reverse=True))

    def test_no_shade_where_every_character_occurs(self):
        draw_ranks(self.axes, {0: 5, 1: 1}, "ab", FontProperties())
        self.assertEqual(heights(self.axes), [5, 1])

    def test_reasons_have_bars_in_proportion(self):
        draw_reasons(self.axes, {"bad_id": 25, "missing_image": 100}, 1000)
        self.assertEqual([bar.get_width() for bar in self.axes.patches], [25, 100])

    @parameterized.parameters(({"0": 5},), ({"7": 1, "5000": 10**7},), ({},))
    def test_any_counts_can_be_drawn(self, counts):
        statistics = {"label_lengths": counts, "widths": counts, "characters": {"0": 1}}
        split = SplitInfo((), 2, {"bad_id": 2}, statistics, {})
        picture = draw_charts(split, Charset("ab"), size=(800, 230), font=None)
        self.assertEqual(picture.size, (800, 230))
        self.assertGreater(len(np.unique(picture)), 10)


if __name__ == "__main__":
    tf.test.main()
