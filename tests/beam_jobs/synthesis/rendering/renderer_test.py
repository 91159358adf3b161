"""Rendering of lines: what each property of a style does."""

import io
import pickle

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW, find_faces
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.beam_jobs.synthesis.rendering.style import PRESETS, Style, StyleDistribution
from densenet_ocr.beam_jobs.synthesis.rendering.typesetting import typeset
from densenet_ocr.beam_jobs.synthesis.style_fitting import measure
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.geometry import Geometry

# All properties of plain lines, at their medians.
STILL = {name: (spread[2],) * 5 for name, spread in vars(StyleDistribution()).items() if name in Style._fields}


def draw(
    text: str = "0123456789", *, geometry: Geometry | None = None, seed: int = 0, **properties
) -> np.ndarray:
    """Returns grey levels of a line in Pillow's face, with fixed properties."""
    quantiles = {**STILL, **{name: (value,) * 5 for name, value in properties.items()}}
    renderer = LineRenderer(find_faces([PILLOW]), StyleDistribution(**quantiles), geometry or Geometry(32, 280))
    return images.decode(renderer.render(text, 0, np.random.default_rng(seed)))


class LineRendererTest(parameterized.TestCase, tf.test.TestCase):
    def test_a_line_is_a_grey_jpeg_of_the_geometrys_size(self):
        renderer = LineRenderer(find_faces([PILLOW]), StyleDistribution(), Geometry(32, 160))
        picture = PIL.Image.open(io.BytesIO(renderer.render("42", 0, np.random.default_rng(0))))
        self.assertEqual((picture.format, picture.mode, picture.size), ("JPEG", "L", (160, 32)))

    def test_a_line_is_a_function_of_text_face_and_random_numbers(self):
        renderer = LineRenderer(find_faces([PILLOW]), PRESETS["caffe_ocr"], Geometry())
        other = pickle.loads(pickle.dumps(renderer))
        other.render("other text", 0, np.random.default_rng(5))  # earlier lines have no influence
        first, again = (one.render("0042", 0, np.random.default_rng(1)) for one in (renderer, other))
        self.assertEqual(first, again)
        self.assertNotEqual(first, renderer.render("0042", 0, np.random.default_rng(2)))
        self.assertNotEqual(first, renderer.render("0043", 0, np.random.default_rng(1)))

    @parameterized.parameters(20, 24, 28)
    def test_ink_has_its_height_and_margins(self, height):
        measured = measure(draw(ink_height=height, top_margin=2, left_margin=7))
        self.assertNear(measured.ink_height, height, 1.5)
        self.assertNear(measured.top_margin, 2, 1.5)
        self.assertNear(measured.left_margin, 7, 1.5)

    def test_lengths_scale_with_the_line_height(self):
        measured = measure(draw(geometry=Geometry(64, 560), ink_height=24, top_margin=3, left_margin=8))
        self.assertNear(measured.ink_height, 48, 2)
        self.assertNear(measured.left_margin, 16, 2)

    def test_long_text_is_squeezed_into_the_line(self):
        levels = draw("0123456789" * 4, right_margin=5)
        self.assertBetween(measure(levels).right_margin, 3, 8)

    def test_a_line_of_any_width_ends_after_its_text(self):
        geometry = Geometry(32, 0)
        short, long = (draw(text, geometry=geometry, right_margin=4) for text in ("01", "01" * 20))
        self.assertNear(long.shape[1] / short.shape[1], 20, 5)
        self.assertNear(measure(long).right_margin, 4, 2)

    def test_stretch_and_spacing_make_a_line_longer(self):
        plain, stretched, spaced = (
            280 - measure(draw("0123", **look)).right_margin
            for look in ({}, {"stretch": 1.5}, {"spacing": 0.5})
        )
        self.assertNear(stretched / plain, 1.5, 0.15)
        self.assertGreater(spaced, 1.3 * plain)

    @parameterized.parameters(-8, 8)
    def test_slope_is_in_rows_over_the_line(self, slope):
        measured = measure(draw("0000000000000000", slope=slope, ink_height=28))
        self.assertNear(measured.slope, slope, 2)
        self.assertNear(measured.ink_height, 28, 2)

    def test_taper_makes_one_end_lower_than_the_other(self):
        levels = draw("8" * 18, taper=0.4, ink_height=28).astype(int)
        ink = levels < levels.max() / 2
        left, right = (np.flatnonzero(part.any(axis=1)) for part in (ink[:, :60], ink[:, -90:]))
        self.assertGreater(np.ptp(right), 1.1 * np.ptp(left))

    def test_a_slant_leans_to_the_right(self):
        levels = draw("1111", slant=0.5).astype(int)
        ink = levels < levels.max() / 2
        rows = np.flatnonzero(ink.any(axis=1))
        top, bottom = (np.flatnonzero(ink[row]).mean() for row in (rows[2], rows[-3]))
        self.assertNear((top - bottom) / (rows[-3] - rows[2]), 0.5, 0.15)

    def test_paper_and_ink_have_their_greys(self):
        levels = draw("8888", paper=180, ink=0.5, ink_height=30, weight=3)
        self.assertNear(np.median(levels), 180, 2)
        self.assertNear(np.percentile(levels, 1), 90, 6)

    @parameterized.parameters(
        ({"blur": 2}, "sharpness", -0.1),
        ({"motion": 6}, "sharpness", -0.1),
        ({"coarse": 4}, "sharpness", -0.1),
        ({"noise": 8}, "noise", 3),
        ({"shade": 60}, "shade", 20),
        ({"weight": 2}, "ink_share", 0.02),
    )
    def test_a_property_changes_its_measure(self, look, name, least):
        before, after = (getattr(measure(draw(paper=200, **some)), name) for some in ({}, look))
        self.assertGreater((after - before) * np.sign(least), abs(least))

    def test_texture_is_blotches_larger_than_noise(self):
        levels = draw("1", texture=12, paper=128).astype(np.float32)[:, 100:]
        self.assertGreater(levels.std(), 5)
        self.assertLess(np.abs(np.diff(levels, axis=1)).mean(), 3)

    def test_quality_decides_the_files_size(self):
        drawn = [
            LineRenderer(find_faces([PILLOW]), StyleDistribution(quality=(q,) * 5), Geometry()).render(
                "0123", 0, np.random.default_rng(0)
            )
            for q in (30, 95)
        ]
        self.assertLess(len(drawn[0]), 0.7 * len(drawn[1]))

    def test_text_of_a_preset_stays_within_the_line(self):
        renderer = LineRenderer(find_faces([PILLOW]), PRESETS["caffe_ocr"], Geometry())
        for seed in range(200):
            levels = images.decode(renderer.render("0123456789", 0, np.random.default_rng(seed))).astype(int)
            rim = np.concatenate([levels[:, 0], levels[:, -1]])
            self.assertLess(np.ptp(levels[:, 0]), 0.6 * np.ptp(levels), f"seed {seed}: {rim}")


class TypesettingTest(tf.test.TestCase):
    def test_a_mask_is_cropped_to_its_ink(self):
        mask = typeset(" 01 ", find_faces([PILLOW])[0], 30, 0)
        for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
            self.assertGreater(edge.max(), 0)

    def test_the_size_is_that_of_pillows_layout(self):
        face = find_faces([PILLOW])[0]
        font = PIL.ImageFont.load_default(30)
        box = font.getbbox("0123456789")
        self.assertAllClose(
            typeset("0123456789", face, 30, 0).shape[::-1], (box[2] - box[0], box[3] - box[1]), atol=2
        )

    def test_a_text_without_ink_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "no ink"):
            typeset("  ", find_faces([PILLOW])[0], 30, 0)


if __name__ == "__main__":
    tf.test.main()
