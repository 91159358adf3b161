"""Characters are allowed and forbidden by themselves and by kind."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.decoding.characters import KINDS, find_allowed
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.errors import UserError

CHARSET = Charset("07９aZéＡ中〇，.+ ③")


class CharactersTest(parameterized.TestCase, tf.test.TestCase):
    def allowed(self, **asked):
        mask = find_allowed(CHARSET, DecodingConfig(**asked))
        self.assertTrue(mask[CHARSET.blank])
        return CHARSET.decode(k for k in range(CHARSET.blank) if mask[k])

    @parameterized.parameters(
        ("digits", "07９"),
        ("latin", "aZéＡ"),
        ("chinese", "中〇"),
        ("punctuation", "，."),
        ("symbols", "+"),
        ("spaces", " "),
    )
    def test_kinds_are_those_of_unicode(self, kind, expected):
        self.assertEqual(self.allowed(character_kinds=(kind,)), expected)
        others = self.allowed(forbidden_kinds=(kind,))
        self.assertEqual(others, "".join(c for c in CHARSET.characters if c not in expected))

    def test_characters_and_kinds_add_up_and_forbidden_ones_are_taken_away(self):
        found = self.allowed(characters=".+", character_kinds=("digits",), forbidden_characters="7+")
        self.assertEqual(found, "0９.")

    def test_all_characters_are_no_restriction(self):
        self.assertIsNone(find_allowed(CHARSET, DecodingConfig()))
        self.assertIsNone(find_allowed(CHARSET, DecodingConfig(characters=CHARSET.characters)))

    @parameterized.parameters(
        ({"characters": "0x"}, "--characters: received 'x' .U.0078., which the model's charset lacks"),
        ({"forbidden_characters": "x"}, "--forbidden_characters: received 'x'"),
        ({"characters": "0", "forbidden_characters": "0"}, "received no character that is allowed"),
    )
    def test_refuses_what_the_charset_lacks(self, asked, message):
        with self.assertRaisesRegex(UserError, message):
            find_allowed(CHARSET, DecodingConfig(**asked))

    @parameterized.parameters("character_kinds", "forbidden_kinds")
    def test_refuses_a_kind_of_which_there_is_none(self, flag):
        with self.assertRaisesRegex(UserError, f"--{flag}: received digits, of which .* has none"):
            find_allowed(Charset("ab"), DecodingConfig(**{flag: ("digits",)}))
        self.assertIn("digits", KINDS)


if __name__ == "__main__":
    tf.test.main()
