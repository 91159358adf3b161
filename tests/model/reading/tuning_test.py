"""Settings are fitted on a split and kept beside the model."""

import contextlib
import io
import math

import numpy as np
import tensorflow as tf

from densenet_ocr.model.reading.config import EvaluateConfig
from densenet_ocr.model.reading.tuning import LENGTH_BONUSES, LM_WEIGHTS, Weights, pick_smallest, tune
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.decoding.decoder import Decoder
from densenet_ocr.pipeline.decoding.tuned_settings import TunedSettings, load_tuned_settings
from densenet_ocr.pipeline.geometry import Geometry
from tests.samples import CHARSET, convert_lines, draw_levels

LINES = 40


class DoubtfulModel:
    """A model that sees the first digit of a line's number right, and doubts between the second and an 'a'."""

    name, train_split, takes_padding = "doubtful", "", True
    info = DatasetInfo(CHARSET, Geometry(32, 64), "uint8")

    def __init__(self):
        self._number_of = {draw_levels(n).tobytes(): n for n in range(LINES)}

    def compute_logits(self, levels, widths):
        logits = np.full([len(levels), 8, CHARSET.classes], -9, np.float32)
        logits[:, :, CHARSET.blank] = 0
        for line, image in zip(logits, levels, strict=True):
            first, second = divmod(self._number_of[image.tobytes()], 10)
            line[1, first] = 9
            line[4, second] = 4
            line[4, CHARSET.class_of["a"]] = 5 if second % 2 else 3
        return logits


class LikesDigits:
    """A language model in which letters are rare."""

    start = None

    def score(self, state, k):
        return math.log(0.001 if CHARSET.characters[k] == "a" else 0.08), None

    def finish(self, state):
        return math.log(0.1)


class TuningTest(tf.test.TestCase):
    def tune(self, config, folder, scorer=None, lines=1000):
        data = convert_lines(self.create_tempdir().full_path, LINES)
        model = DoubtfulModel()
        decoder = Decoder(config, CHARSET, scorer=scorer)
        with contextlib.redirect_stdout(io.StringIO()) as stdout:
            config = EvaluateConfig(data=data, split="train", batch_size=7)
            result = tune(model, decoder, config, folder=folder, lines=lines)
        return result, stdout.getvalue().splitlines()

    def test_fits_weights_of_the_language_model_and_prints_the_grid(self):
        folder = self.create_tempdir().full_path
        TunedSettings(temperatures={"beam": 2.0}).save(folder)
        result, rows = self.tune(DecodingConfig(beam_width=5), folder, LikesDigits())
        self.assertLen(rows, 1 + len(LM_WEIGHTS) * len(LENGTH_BONUSES))
        self.assertEqual(rows[0], "lm_weight\tlength_bonus\texact_match\tcer")
        self.assertEqual((result["task"], result["lines"]), ("lm", LINES))
        # Lines 0 to 9 have a 0 before their digit: they are never right.
        self.assertAllClose(result["exact_match"], 0.75)
        found = load_tuned_settings(folder)
        self.assertEqual((found.lm_weight, found.length_bonus), (result["lm_weight"], result["length_bonus"]))
        self.assertEqual(found.temperature("lm"), result["temperature"])
        self.assertEqual(found.temperature("beam"), 2.0)
        self.assertEqual(found.provenance["lm"]["split"], "train")

    def test_picks_the_smallest_weights_within_a_standard_error_of_the_best(self):
        best, noise, worse = np.zeros(100, int), np.zeros(100, int), np.zeros(100, int)
        best[:10], noise[5:16], worse[:30] = 1, 1, 1
        edits = {Weights(0.2, 1.0): worse, Weights(0.4, 3.0): noise, Weights(0.7, 4.0): best}
        self.assertEqual(pick_smallest(edits), Weights(0.4, 3.0))  # 6 lines worse, 5 better: noise

    def test_picks_the_smallest_of_equal_weights_and_none_that_is_worse_on_all_lines(self):
        ones = np.ones(4, int)
        edits = {Weights(0.1, 0.0): 2 * ones, Weights(0.3, 0.0): ones, Weights(0.3, 1.0): ones}
        self.assertEqual(pick_smallest(edits), Weights(0.3, 0.0))

    def test_fits_the_temperature_alone_without_a_language_model(self):
        folder = self.create_tempdir().full_path
        result, rows = self.tune(DecodingConfig(beam_width=5), folder)
        self.assertEmpty(rows)
        self.assertIsNone(result["lm_weight"])
        before, after = result["calibration_error"]
        self.assertLess(after, before)
        self.assertEqual(load_tuned_settings(folder).temperature("beam"), result["temperature"])

    def test_takes_the_first_lines_and_says_where_nothing_can_be_fitted(self):
        folder = self.create_tempdir().full_path
        words = self.create_tempfile("words.txt", "xyz\n".replace("xyz", "b b")).full_path
        with self.assertLogs(level="WARNING") as logs:
            result, _ = self.tune(DecodingConfig(lexicon=words), folder, lines=3)
        self.assertEqual((result["lines"], result["task"], result["temperature"]), (3, "lexicon", None))
        self.assertIn("all are wrong: the temperature is not fitted", logs.output[-1])
        self.assertEqual(load_tuned_settings(folder).temperatures, {})


if __name__ == "__main__":
    tf.test.main()
