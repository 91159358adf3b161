"""Fitted settings are kept in a file beside the model; a temperature says how many lines are right."""

import json
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.decoding.tuned_settings import (
    TunedSettings,
    copy_tuned_settings,
    find_posteriors,
    fit_temperature,
    load_tuned_settings,
)
from densenet_ocr.pipeline.errors import UserError


def draw(temperature: float, count: int = 4000):
    """Scores of two to four texts, of which the best one is right with its posterior at a temperature."""
    random = np.random.default_rng(0)
    scores, rights = [], []
    for _ in range(count):
        line = -np.sort(random.exponential(3, random.integers(2, 5)))
        line -= line[0]
        posterior = 1 / np.exp(line / temperature).sum()
        scores.append((line - 40).tolist())
        rights.append(bool(random.random() < posterior))
    return scores, rights


class TunedSettingsTest(parameterized.TestCase, tf.test.TestCase):
    def test_reads_what_was_saved(self):
        folder = self.create_tempdir().full_path
        settings = TunedSettings(0.4, 0.5, {"lm": 1.5}, {"lm": {"data": "d\udcff"}})
        settings.save(folder)
        found = load_tuned_settings(folder)
        self.assertEqual((found.lm_weight, found.length_bonus), (0.4, 0.5))
        self.assertEqual((found.temperature("lm"), found.temperature("beam")), (1.5, 1.0))
        copy, empty = self.create_tempdir("copy").full_path, self.create_tempdir("empty").full_path
        copy_tuned_settings(folder, copy)
        self.assertEqual(load_tuned_settings(copy), found)
        copy_tuned_settings(empty, copy)
        self.assertEqual(load_tuned_settings(copy), found)

    def test_nothing_is_fitted_without_the_file(self):
        self.assertEqual(load_tuned_settings(self.create_tempdir().full_path), TunedSettings())

    @parameterized.parameters(
        {"schema_version": 2},
        {"temperatures": {"lm": 0}},
        {"temperatures": {"x": 1}},
        {"lm_weight": "a"},
        {"q": 1},
    )
    def test_refuses_a_damaged_file(self, **changes):
        folder = self.create_tempdir().full_path
        with open(os.path.join(folder, "decoding.json"), "w") as file:
            json.dump({"schema_version": 1, **changes}, file)
        with self.assertRaisesRegex(UserError, "settings .*decoding.json: received .* --tune"):
            load_tuned_settings(folder)

    def test_posteriors_are_a_softmax_over_the_temperature(self):
        self.assertAllClose(find_posteriors([0.0, -1.0986122886681098]), [0.75, 0.25])
        self.assertAllClose(find_posteriors([-800.0, -802.1972245773362], 2.0), [0.75, 0.25])


class TemperatureTest(tf.test.TestCase):
    def test_finds_the_temperature_that_lines_were_drawn_with(self):
        for temperature in (0.6, 1.0, 3.0):
            self.assertAllClose(fit_temperature(*draw(temperature)), temperature, rtol=0.15)

    def test_lines_that_are_all_right_or_all_wrong_fit_none(self):
        scores, _ = draw(1.0, 5)
        self.assertIsNone(fit_temperature(scores, [True] * 5))
        self.assertIsNone(fit_temperature(scores, [False] * 5))

    def test_one_sure_line_that_is_wrong_does_not_decide(self):
        scores, rights = draw(1.0)
        found = fit_temperature([*scores, [0.0]], [*rights, False])
        self.assertAllClose(found, fit_temperature(scores, rights), rtol=0.1)


if __name__ == "__main__":
    tf.test.main()
