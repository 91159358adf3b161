"""Style fitting: finds a style whose lines measure like given ones."""

import dataclasses
import json
import os
import subprocess
import sys
from unittest import mock

import numpy as np
import tensorflow as tf

from densenet_ocr.beam_jobs.inspection.line_sample import sample_lines
from densenet_ocr.beam_jobs.synthesis import style_fitting
from densenet_ocr.beam_jobs.synthesis.config import StyleFitConfig
from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW, find_faces
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.beam_jobs.synthesis.rendering.style import StyleDistribution, load_style
from densenet_ocr.beam_jobs.synthesis.style_fitting import Measures, fit_style, fit_to_split, measure
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from tests.beam_jobs.synthesis.synthesis_case import SynthesisTest

REAL = StyleDistribution(
    ink_height=(18, 19, 20, 21, 22),
    left_margin=(10, 11, 12, 13, 14),
    paper=(100, 110, 120, 130, 140),
    ink=(0.6, 0.7, 0.8, 0.9, 0.97),
    blur=(0.5, 0.8, 1, 1.2, 1.5),
    slope=(-6, -3, 0, 3, 6),
)
TEXTS = [(f"{number:08d}", 0) for number in range(0, 99_999_999, 1_234_567)]


def make_renderer(style: StyleDistribution) -> LineRenderer:
    return LineRenderer(find_faces([PILLOW]), style, Geometry(32, 200))


def render_lines(style: StyleDistribution, count: int, seed: int) -> list[np.ndarray]:
    renderer, random = make_renderer(style), np.random.default_rng(seed)
    return [images.decode(renderer.render(*TEXTS[k % len(TEXTS)], random)) for k in range(count)]


def find_medians(lines: list[np.ndarray]) -> Measures:
    return Measures(*np.median([dataclasses.astuple(measure(levels)) for levels in lines], axis=0))


class FitStyleTest(tf.test.TestCase):
    def test_lines_of_the_fitted_style_measure_like_the_real_ones(self):
        real = render_lines(REAL, 80, seed=0)
        fitted = fit_style(real, TEXTS, make_renderer(StyleDistribution()), rounds=6, lines=40, seed=1)
        goal, before, after = (
            find_medians(lines)
            for lines in (real, *(render_lines(style, 80, 2) for style in (StyleDistribution(), fitted)))
        )
        for name in ("mean_grey", "contrast", "ink_height", "left_margin", "sharpness"):
            distance, first = (abs(getattr(one, name) - getattr(goal, name)) for one in (after, before))
            self.assertLess(distance, 0.35 * first, name)

    def test_the_seed_decides_the_result(self):
        real, renderer = render_lines(REAL, 20, seed=0), make_renderer(StyleDistribution())
        fitted = [fit_style(real, TEXTS, renderer, rounds=1, lines=20, seed=seed) for seed in (1, 1, 2)]
        self.assertEqual(fitted[0], fitted[1])
        self.assertNotEqual(fitted[0], fitted[2])


class FitToSplitTest(SynthesisTest):
    def fit(self, **changes) -> int:
        given = {
            "data": self.output,
            "split": "train",
            "fonts": (PILLOW,),
            "style": "plain",
            "output": os.path.join(self.folder, "style.json"),
            "rounds": 1,
            "lines": 30,
        }
        return fit_to_split(StyleFitConfig(**{**given, **changes}))

    def test_the_command_writes_a_style_for_synthesize(self):
        self.synthesize(style="plain", lines=30)
        path = os.path.join(self.folder, "style.json")
        given = {
            "data": self.output,
            "split": "train",
            "fonts": PILLOW,
            "output": path,
            "rounds": 1,
            "lines": 20,
        }
        command = [sys.executable, "-m", "beam_jobs.fit_style", *(f"--{k}={v}" for k, v in given.items())]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout.splitlines()[-1]), {"lines": 20, "rounds": 1})
        self.assertNotEqual(load_style(path), StyleDistribution())

    def test_light_ink_is_refused(self):
        self.synthesize(style="plain", lines=30)
        inverted = mock.patch.object(
            style_fitting,
            "sample_lines",
            lambda **given: [line._replace(levels=255 - line.levels) for line in sample_lines(**given)],
        )
        with inverted, self.assertRaisesRegex(UserError, "received 0 lines, of 30, with dark ink"):
            self.fit()

    def test_too_few_lines_with_a_font_are_refused(self):
        self.synthesize(style="plain", lines=10)
        with self.assertRaisesRegex(UserError, "received 10 lines, of 10, .*expected 20 or more"):
            self.fit()

    def test_an_output_in_a_missing_folder_is_refused(self):
        with self.assertRaisesRegex(UserError, "output none/style.json: .*--output"):
            self.fit(output="none/style.json")

    def test_an_output_that_is_a_folder_is_refused_before_the_fit(self):
        with self.assertRaisesRegex(UserError, "Is a directory"):
            self.fit(output=self.folder, data="none")


if __name__ == "__main__":
    tf.test.main()
