"""Characters of a charset that look alike or show nothing."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charsets.lookalikes import find_decomposed, find_invisible, find_lookalikes


class LookalikesTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("abcABC0123456789lI|O一二三", []),  # pairs of one script
        ("cAС-А", ["AА"]),  # a Cyrillic letter in place of a Latin one
        ("，,a", ["，,"]),  # a full-width form
        ("Ａ1АA", ["ＡАA"]),
        ("1①½¹", []),  # they do not look alike
        ("ー一二ニ", ["ー一", "二ニ"]),
        ("K\u212a", ["K\u212a"]),  # the Kelvin sign
        ("–x-", ["–-"]),
    )
    def test_finds_groups_of_characters_that_look_alike(self, characters, groups):
        self.assertEqual(find_lookalikes(characters), groups)

    def test_finds_marks_and_characters_that_are_not_in_nfc(self):
        self.assertEqual(find_decomposed("aé\u0301\u212a한\uf900"), "\u0301\u212a\uf900")

    def test_finds_characters_that_show_nothing(self):
        self.assertEqual(find_invisible("a \u3000\u200b\ufeff\ue000\tb"), "\u3000\u200b\ufeff\ue000\t")


if __name__ == "__main__":
    tf.test.main()
