"""Fitted settings are kept in a file beside the model."""

import json
import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.decoding.tuned_settings import (
    TunedSettings,
    copy_tuned_settings,
    find_posteriors,
    load_tuned_settings,
)
from densenet_ocr.pipeline.errors import UserError


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


if __name__ == "__main__":
    tf.test.main()
