"""Frames of a width, and the frames that a label needs."""

import math

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.frames import count_frames, required_frames

WIDTHS = range(1, 401)


def halve_three_times(width: int) -> int:
    """A convolution of stride 2 with 'same' padding, then two pools of stride 2 with 'valid' padding."""
    return math.ceil(width / 2) // 2 // 2


class FramesTest(parameterized.TestCase, tf.test.TestCase):
    def test_a_width_has_the_frames_that_the_layers_leave(self):
        self.assertEqual([count_frames(w) for w in WIDTHS], [halve_three_times(w) for w in WIDTHS])

    def test_counts_for_tensors_and_arrays_as_for_numbers(self):
        expected = [halve_three_times(w) for w in WIDTHS]
        self.assertAllEqual(count_frames(tf.constant(WIDTHS, tf.int64)), expected)
        self.assertAllEqual(count_frames(np.array(WIDTHS)), expected)

    def test_with_a_stride_of_four_the_second_pool_leaves_the_columns(self):
        self.assertEqual([count_frames(w, 4) for w in WIDTHS], [math.ceil(w / 2) // 2 for w in WIDTHS])

    @parameterized.parameters((280, 35), (32, 4), (287, 36), (286, 35))
    def test_known_sizes(self, size, frames):
        self.assertEqual(count_frames(size), frames)

    @parameterized.parameters(
        ([], 0), ([5], 1), ([5, 6, 7], 3), ([5, 5], 3), ([5, 5, 5], 5), ([5, 6, 5], 3), ([0, 0, 1, 1], 6)
    )
    def test_equal_neighbours_need_a_blank_between_them(self, label, frames):
        self.assertEqual(required_frames(label), frames)


if __name__ == "__main__":
    tf.test.main()
