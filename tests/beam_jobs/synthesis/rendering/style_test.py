"""Style distributions: five numbers per property, presets, files."""

import json
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.synthesis.rendering.style import PRESETS, Style, StyleDistribution, load_style
from densenet_ocr.pipeline.errors import UserError


def draw_many(style: StyleDistribution, count: int = 4000) -> np.ndarray:
    random = np.random.default_rng(0)
    return np.array([style.sample(random) for _ in range(count)])


class StyleDistributionTest(parameterized.TestCase, tf.test.TestCase):
    def test_lines_have_the_given_quartiles(self):
        quantiles = (1.0, 1.5, 2.0, 4.0, 5.0)
        drawn = draw_many(StyleDistribution(blur=quantiles))[:, Style._fields.index("blur")]
        self.assertAllClose(np.percentile(drawn, [25, 50, 75]), quantiles[1:4], atol=0.1)
        self.assertBetween(drawn.min(), 1.0, 1.1)
        self.assertBetween(drawn.max(), 4.9, 5.0)

    def test_leading_zeros_leave_quarters_of_the_lines_unchanged(self):
        drawn = draw_many(StyleDistribution(motion=(0, 0, 0, 0, 4)))[:, Style._fields.index("motion")]
        self.assertAllClose(np.mean(drawn == 0), 0.75, atol=0.03)

    def test_properties_are_independent(self):
        drawn = draw_many(StyleDistribution(paper=(40, 60, 120, 180, 255), blur=(0, 1, 2, 3, 4)))
        columns = [Style._fields.index(name) for name in ("paper", "blur")]
        self.assertLess(abs(np.corrcoef(drawn[:, columns].T)[0, 1]), 0.1)

    @parameterized.parameters(
        ((0, 1, 2, 3),),
        ((3, 2, 1, 0, 0),),
        ((0, 1, 2, 3, 6),),
        ((0, 1, float("nan"), 3, 4),),
        ((0, 1, "2", 3, 4),),
        (2,),
    )
    def test_wrong_numbers_of_a_property_are_refused(self, spread):
        with self.assertRaisesRegex(UserError, "style blur: .*five ascending numbers from 0 to 5"):
            StyleDistribution(blur=spread)

    def test_a_file_changes_a_preset(self):
        path = os.path.join(self.get_temp_dir(), "own.json")
        with open(path, "w") as file:
            json.dump({"preset": "caffe_ocr", "blur": [1, 1, 1, 1, 2]}, file)
        style = load_style(path)
        self.assertEqual(style.blur, (1, 1, 1, 1, 2))
        self.assertEqual(style.paper, PRESETS["caffe_ocr"].paper)

    @parameterized.parameters(
        ('{"blurr": [0, 0, 0, 0, 0]}', "no property 'blurr'"),
        ('{"preset": "none"}', "no preset 'none'"),
        ("[]", "JSON that is no object"),
        ("blur", "no JSON .Expecting value"),
        ('{"blur": [0, 0, 0, 0, 0], "blur": [1, 1, 1, 1, 1]}', "'blur' twice"),
    )
    def test_a_wrong_file_is_refused(self, content, message):
        path = os.path.join(self.get_temp_dir(), "bad.json")
        with open(path, "w") as file:
            file.write(content)
        with self.assertRaisesRegex(UserError, f"style .*bad.json: .*{message}.*plain, caffe_ocr"):
            load_style(path)

    def test_an_unknown_preset_is_refused(self):
        with self.assertRaisesRegex(UserError, "style cafe: received no preset and no file"):
            load_style("cafe")


if __name__ == "__main__":
    tf.test.main()
