"""Measures of lines with known properties."""

import numpy as np
import tensorflow as tf

from densenet_ocr.beam_jobs.synthesis.style_fitting import measure


def make_line(
    paper: float = 200, ink: float = 50, left: int = 10, right: int = 260, top: int = 4, bottom: int = 28
):
    """Bars of ink, 4 columns wide and 8 apart, on even paper: float [32, 280]."""
    levels = np.full((32, 280), paper, np.float64)
    for x in range(left, right, 8):
        levels[top:bottom, x : x + 4] = ink
    return levels


def measure_levels(levels: np.ndarray):
    return measure(np.clip(np.rint(levels), 0, 255).astype(np.uint8))


class MeasureTest(tf.test.TestCase):
    def test_greys_of_paper_and_ink(self):
        line = make_line(paper=200, ink=50)
        measured = measure_levels(line)
        self.assertNear(measured.mean_grey, line.mean(), 1e-3)
        self.assertNear(measured.paper, 200, 1e-6)
        self.assertNear(measured.contrast, 150, 1e-6)

    def test_lengths_of_the_inks_bounding_box(self):
        measured = measure_levels(make_line(left=10, right=250, top=5, bottom=27))
        self.assertEqual((measured.left_margin, measured.top_margin, measured.ink_height), (10, 5, 22))
        self.assertEqual(measured.right_margin, 280 - (10 + 29 * 8 + 4))
        self.assertNear(measured.ink_share, 0.5, 0.01)

    def test_faint_ink_on_shaded_paper_is_found(self):
        line = make_line(paper=150, ink=110) + np.linspace(-30, 30, 280)
        measured = measure_levels(line)
        self.assertEqual((measured.left_margin, measured.ink_height), (10, 24))
        self.assertNear(measured.shade, 60 * 0.8, 12)

    def test_sharpness_falls_with_blur_and_does_not_depend_on_contrast(self):
        line = make_line()
        blurred = sum(np.roll(line, shift, axis=1) for shift in (-1, 0, 1)) / 3
        self.assertNear(measure_levels(line).sharpness, 1, 1e-6)
        self.assertNear(measure_levels(blurred).sharpness, 1 / 3, 0.02)
        self.assertNear(measure_levels(make_line(ink=150)).sharpness, 1, 1e-6)

    def test_slope_refers_to_the_whole_line(self):
        line = np.full((32, 280), 220.0)
        for x in range(20, 260):
            y = 8 + round(x * 10 / 280)
            line[y : y + 8, x] = 30
        self.assertNear(measure_levels(line).slope, 10, 0.5)

    def test_noise_is_measured_on_paper_only(self):
        noise = np.random.default_rng(0).normal(0, 3, (32, 280))
        bare, inked = (measure_levels(line + noise).noise for line in (make_line(right=12), make_line()))
        self.assertNear(bare, 3 * np.sqrt(8 / 9), 0.3)
        self.assertNear(inked, bare, 0.8)

    def test_a_line_without_ink_can_be_measured(self):
        measured = measure_levels(np.full((32, 280), 128.0))
        self.assertEqual((measured.contrast, measured.slope), (0, 0))


if __name__ == "__main__":
    tf.test.main()
