"""Options of decoding, and what they ask for."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.errors import UserError


class DecodingConfigTest(parameterized.TestCase, tf.test.TestCase):
    def test_greedy_is_the_default(self):
        config = DecodingConfig()
        self.assertTrue(config.is_greedy and config.is_plain)

    @parameterized.parameters(
        {"lm": "a.lm"}, {"lexicon": "a.txt"}, {"nbest": 2}, {"beam_width": 1}, {"length_bonus": 0.0}
    )
    def test_these_ask_for_a_beam_search(self, **options):
        self.assertFalse(DecodingConfig(**options).is_greedy)

    @parameterized.parameters({"characters": "0"}, {"forbidden_kinds": ("digits",)})
    def test_restrictions_stay_greedy_but_need_logits(self, **options):
        config = DecodingConfig(**options)
        self.assertTrue(config.is_greedy)
        self.assertFalse(config.is_plain)

    @parameterized.parameters(({}, 10), ({"lexicon": "a"}, 100), ({"nbest": 20}, 20), ({"beam_width": 3}, 3))
    def test_the_beam_is_as_wide_as_it_has_to_be(self, options, width):
        self.assertEqual(DecodingConfig(**options).width, width)

    @parameterized.parameters(
        ({"lm_weight": 0.5}, "lm_weight: received 0.5, expected none without --lm"),
        ({"min_confidence": 0.5}, "min_confidence: received 0.5, expected none without --lexicon"),
        ({"beam_width": 3, "nbest": 5}, "beam_width: received 3, expected at least --nbest, 5"),
        ({"character_kinds": ("letters",)}, "character_kinds: received .'letters',., expected digits, latin"),
        ({"characters": ""}, "characters: received ''"),
        ({"nbest": 0}, "nbest: received 0, expected 1 or more"),
    )
    def test_refuses_what_makes_no_sense(self, options, message):
        with self.assertRaisesRegex(UserError, message):
            DecodingConfig(**options)


if __name__ == "__main__":
    tf.test.main()
