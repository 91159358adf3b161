"""Which lines share a batch, and how many."""

import collections
import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.buckets import Bucket, batch_by_width, make_buckets, pad_lines

MIXES = {
    "of_a_book": collections.Counter(np.random.default_rng(0).normal(300, 60, 5000).astype(int).tolist()),
    "of_every_width": dict.fromkeys(range(1, 1500), 7),
    "of_two_extremes": {8: 500, 4000: 500},
    "of_few_lines": {7: 1, 64: 2, 65: 1, 900: 1},
    "of_one_width": {100: 1000},
    "of_one_line": {100: 1},
}


@parameterized.named_parameters(*MIXES.items())
class BucketsTest(parameterized.TestCase, tf.test.TestCase):
    def test_every_line_is_in_the_narrowest_bucket_that_holds_it(self, widths):
        buckets = make_buckets(widths, batch_size=8)
        bounds = [bucket.width for bucket in buckets]
        self.assertEqual(bounds, sorted(set(bounds)))
        lines = dict.fromkeys(bounds, 0)
        for width, count in widths.items():
            lines[min(bound for bound in bounds if bound >= width)] += count
        self.assertEqual(lines, {bucket.width: bucket.lines for bucket in buckets})
        self.assertAllGreater(list(lines.values()), 0)

    def test_padding_is_at_most_an_eighth_of_a_line_or_less_than_16_pixels(self, widths):
        bounds = [bucket.width for bucket in make_buckets(widths, batch_size=8)]
        for width in widths:
            padding = min(bound for bound in bounds if bound >= width) - width
            self.assertLessEqual(padding, max(width / 8, 15 if width <= 16 else 7))

    def test_padded_widths_are_even_so_that_odd_lines_find_room(self, widths):
        for bucket in make_buckets(widths, batch_size=8):
            self.assertEqual(bucket.width % 2, 0)

    def test_replicas_share_each_batch_and_a_pass_holds_every_line(self, widths):
        for batch_size in (1, 6, 64, 1000):
            for replicas in (1, 2, 3):
                for bucket in make_buckets(widths, batch_size=batch_size, replicas=replicas):
                    self.assertGreaterEqual(bucket.size, replicas)
                    self.assertEqual(bucket.size % replicas, 0)
                    self.assertBetween(
                        bucket.lines, (bucket.batches - 1) * bucket.size + 1, bucket.batches * bucket.size
                    )

    def test_batches_have_about_equally_many_pixels_and_few_rows_to_fill_up(self, widths):
        lines = sum(widths.values())
        pixels = 64 * sum(width * count for width, count in widths.items()) / lines
        for replicas in (1, 2):
            for bucket in make_buckets(widths, batch_size=64, replicas=replicas):
                # What a replica takes is rounded, and padding comes to a line's own pixels.
                self.assertLessEqual(bucket.size * bucket.width, pixels + replicas * bucket.width)
                if bucket.batches > 1:
                    self.assertGreater(bucket.size * bucket.width, pixels / 2 - replicas * bucket.width)
                self.assertLess(bucket.size * bucket.batches - bucket.lines, bucket.batches * replicas)


class SomeBucketsTest(tf.test.TestCase):
    def test_lines_of_one_width_come_in_equal_batches_of_about_the_size_asked_for(self):
        self.assertEqual(make_buckets({104: 130}, batch_size=64), (Bucket(104, 44, 130),))
        self.assertEqual(make_buckets({104: 128}, batch_size=64), (Bucket(104, 64, 128),))

    def test_narrow_lines_come_in_larger_batches(self):
        buckets = make_buckets({8: 10_000, 4000: 100}, batch_size=4)
        self.assertEqual([(bucket.width, bucket.lines) for bucket in buckets], [(16, 10_000), (4144, 100)])
        self.assertEqual([bucket.size for bucket in buckets], [12, 1])
        self.assertEqual([bucket.batches for bucket in buckets], [834, 100])

    def test_no_lines_have_no_buckets(self):
        self.assertEqual(make_buckets({}, batch_size=8), ())


class BatchByWidthTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(1, 1.125, 1e9)
    def test_each_place_is_in_one_batch_of_like_widths(self, most):
        widths = np.random.default_rng(0).integers(8, 400, 500).tolist()
        batches = list(batch_by_width(widths, size=16, most=most))
        self.assertCountEqual(itertools.chain(*batches), range(500))
        for batch in batches:
            inside = [widths[place] for place in batch]
            self.assertLessEqual(max(inside), most * min(inside))
            self.assertLessEqual(len(batch), 16)

    def test_padded_lines_are_there_from_the_left(self):
        lines = [np.full([2, width], width, np.uint8) for width in (3, 5)]
        levels, widths = pad_lines(lines)
        self.assertAllEqual(widths, [3, 5])
        self.assertAllEqual(levels, [[[3, 3, 3, 0, 0]] * 2, [[5] * 5] * 2])

    def test_equal_widths_keep_their_order(self):
        self.assertEqual(list(batch_by_width([8, 9, 8, 8], size=2, most=1)), [[0, 2], [3], [1]])


if __name__ == "__main__":
    tf.test.main()
