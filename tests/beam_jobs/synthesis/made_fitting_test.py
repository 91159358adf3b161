"""Looks fitted to lines: from those of other lines they come back to what the lines were drawn by."""

import dataclasses
import json
import os
import subprocess
import sys
from unittest import mock

import numpy as np
import tensorflow as tf

from densenet_ocr.beam_jobs.inspection.line_sample import sample_lines
from densenet_ocr.beam_jobs.synthesis import style_fitting as likeness
from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW, find_faces
from densenet_ocr.beam_jobs.synthesis.rendering.fitting import fit_looks
from densenet_ocr.beam_jobs.synthesis.rendering.measures import Measures, measure
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import Drawing
from densenet_ocr.beam_jobs.synthesis.rendering.style import Looks, choose_looks
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.images import Geometry
from tests.beam_jobs.synthesis.synthesis_case import SynthesisTest

REAL = Looks(
    ink_height=(18, 19, 20, 21, 22),
    left_margin=(10, 11, 12, 13, 14),
    paper=(100, 110, 120, 130, 140),
    ink=(0.6, 0.7, 0.8, 0.9, 0.97),
    blur=(0.5, 0.8, 1, 1.2, 1.5),
    slope=(-6, -3, 0, 3, 6),
)
TEXTS = [(f"{number:08d}", 0) for number in range(0, 99_999_999, 1_234_567)]


def draw_lines(looks: Looks, count: int, seed: int) -> list[np.ndarray]:
    drawing, random = Drawing(find_faces([PILLOW]), looks, Geometry(32, 200)), np.random.default_rng(seed)
    return [images.decode(drawing.draw(*TEXTS[k % len(TEXTS)], random)) for k in range(count)]


def find_medians(lines: list[np.ndarray]) -> Measures:
    return Measures(*np.median([dataclasses.astuple(measure(levels)) for levels in lines], axis=0))


class FitLooksTest(tf.test.TestCase):
    def test_lines_drawn_by_fitted_looks_measure_as_the_real_ones(self):
        real, plain = draw_lines(REAL, 150, seed=0), Drawing(find_faces([PILLOW]), Looks(), Geometry(32, 200))
        fitted = fit_looks(real, TEXTS, plain, rounds=8, lines=100, seed=1)
        goal, before, after = (
            find_medians(lines) for lines in (real, *(draw_lines(looks, 150, 2) for looks in (Looks(), fitted)))
        )
        for name in ("mean_grey", "contrast", "ink_height", "left_margin", "sharpness"):
            distance, first = (abs(getattr(one, name) - getattr(goal, name)) for one in (after, before))
            self.assertLess(distance, 0.35 * first, name)

    def test_is_the_same_for_a_seed(self):
        real, plain = draw_lines(REAL, 30, seed=0), Drawing(find_faces([PILLOW]), Looks(), Geometry(32, 200))
        fitted = [fit_looks(real, TEXTS, plain, rounds=2, lines=20, seed=seed) for seed in (1, 1, 2)]
        self.assertEqual(fitted[0], fitted[1])
        self.assertNotEqual(fitted[0], fitted[2])


class CommandTest(SynthesisTest):
    def test_a_data_set_gives_a_file_that_synthesize_takes(self):
        self.synthesize(looks="plain", lines=30)
        path = os.path.join(self.folder, "looks.json")
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
        self.assertNotEqual(choose_looks(path), Looks())

    def test_lines_without_dark_ink_are_refused(self):
        self.synthesize(looks="plain", lines=30)
        inverted = mock.patch.object(
            likeness,
            "sample_lines",
            lambda **given: [line._replace(levels=255 - line.levels) for line in sample_lines(**given)],
        )
        with (
            inverted,
            self.assertRaisesRegex(UserError, "received 0 lines, of 30, with dark ink on lighter paper"),
        ):
            likeness.fit_to_split(
                folder=self.output, split="train", fonts=[PILLOW], looks=Looks(), rounds=1, lines=30, seed=0
            )

    def test_too_few_lines_that_the_fonts_draw_are_refused(self):
        self.synthesize(looks="plain", lines=10)
        with self.assertRaisesRegex(UserError, "received 10 lines, of 10, .*expected 20 or more"):
            likeness.fit_to_split(
                folder=self.output, split="train", fonts=[PILLOW], looks=Looks(), rounds=1, lines=20, seed=0
            )


if __name__ == "__main__":
    tf.test.main()
