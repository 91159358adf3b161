"""Sizes of lines, of which some are refused; frames of a width, and frames that a label needs."""

import math

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry, count_frames, required_frames
from tests.messages import user_error

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


class GeometryTest(parameterized.TestCase, tf.test.TestCase):
    def test_the_default_is_the_notebooks(self):
        self.assertEqual(Geometry(), Geometry(32, 280))

    @parameterized.parameters(("height", 6), ("width", 6), ("height", 0), ("width", -5), ("width", 1))
    def test_refuses_a_size_that_makes_no_frame(self, name, size):
        with self.assertRaisesRegex(UserError, f"^image {name}: received {size}, .* 7 pixels.*--image_{name}"):
            Geometry(**{name: size})

    def test_accepts_the_smallest_size_with_a_frame(self):
        self.assertEqual(Geometry(7, 7).width, 7)

    def test_reads_as_sizes_are_written(self):
        self.assertEqual([str(Geometry(32, 280)), str(Geometry(32, 0))], ["280x32", "32 high, any width"])

    @parameterized.parameters((10**9, 280), (4097, 0), (4096, 8193), (32, 10**9))
    def test_a_size_that_would_fill_the_memory_is_refused(self, height, width):
        with user_error("image size", f"{width}x{height}", "33,554,432", "--image_height"):
            Geometry(height, width)

    @parameterized.parameters((32, 280), (4096, 0), (7, 7), (32, 1 << 20))
    def test_sizes_of_lines_are_accepted(self, height, width):
        self.assertEqual(Geometry(height, width).height, height)

    @parameterized.parameters((32, 6, 8, "image width"), (32, 2, 4, "image width"), (6, 280, 4, "image height"))
    def test_a_line_without_a_frame_is_refused(self, height, width, stride, subject):
        with user_error(subject, f"at least {stride - 1 if width < 280 else 7} pixels"):
            Geometry(height, width, stride)

    def test_a_frame_has_eight_pixels_or_four(self):
        self.assertEqual([Geometry(32, 64, stride).count_frames(64) for stride in (8, 4)], [8, 16])
        with user_error("frame_stride", "5", "8 or 4"):
            Geometry(32, 64, 5)


if __name__ == "__main__":
    tf.test.main()
