"""Flags of ocr-evaluate that do not go together."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.evaluate import _check_tuning
from densenet_ocr.model.reading.config import EvaluateConfig, WeightsConfig
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.errors import UserError


class EvaluateTest(parameterized.TestCase, tf.test.TestCase):
    def check(self, evaluate=None, weights=None, **decoding):
        config = EvaluateConfig(data="data", split="test", **(evaluate or {}))
        _check_tuning(config, WeightsConfig(**(weights or {"model": "run"})), DecodingConfig(**decoding))

    def test_tuning_takes_a_model_and_options_of_decoding(self):
        self.check(lm="a.lm")
        self.check(lm="a.lm", lexicon="words.txt", lm_weight=0.5)

    @parameterized.parameters(
        ({"evaluate": {"report": "r"}}, "report: received 'r', expected none with --tune"),
        ({"evaluate": {"picture": "p.png"}}, "picture: received 'p.png', expected none with --tune"),
        ({"weights": {"weights": "w.h5"}}, "model: received None, expected with --tune a run or an export"),
        ({"weights": {"model": "chinese"}}, "model: received 'chinese', expected .* of your own"),
        ({"lm": "a.lm", "lm_weight": 0.5}, "lm_weight: received 0.5, expected none with --tune"),
        ({"lm": "a.lm", "length_bonus": 0.5}, "length_bonus: received 0.5, expected none with --tune"),
    )
    def test_tuning_refuses_what_it_has_no_use_for(self, given, message):
        with self.assertRaisesRegex(UserError, message):
            self.check(**given)


if __name__ == "__main__":
    tf.test.main()
