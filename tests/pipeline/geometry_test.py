"""Sizes of lines; those that no line has are refused."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from tests.messages import user_error


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
