"""No text can break out of the page or turn it around, and every character shows."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.report.text_filters import (
    confidence,
    count,
    interval,
    percent,
    show,
    show_character,
    show_code,
    show_path,
    spell,
)


class TextFiltersTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("\n", "\\n"),
        ("\0", "\\x00"),
        ("\u200f", "\\u200f"),
        ("\u202e", "\\u202e"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("\u00a0", "\\xa0"),
        ("\U000e0001", "\\U000e0001"),
    )
    def test_what_does_not_show_is_an_escape(self, character, escape):
        self.assertEqual(show(f"<{character}>"), f'&lt;<span class="esc">{escape}</span>&gt;')
        self.assertEqual(spell(f"a{character}"), f"a{escape}")
        show(character).encode("utf-8")

    def test_what_shows_stays(self):
        for text in ("春天", "שלום", "a b", "é", "\U0001f600"):
            self.assertEqual(show(text), text)

    def test_a_path_may_be_broken_behind_its_slashes(self):
        self.assertEqual(show_path("a/<b>/c"), '<bdi class="key">a/<wbr>&lt;b&gt;/<wbr>c</bdi>')
        self.assertEqual(show_path(""), '<bdi class="key"></bdi>')

    def test_a_character_alone_shows_even_a_space_or_an_accent(self):
        self.assertIn("␣", show_character(" "))
        self.assertEqual(show_character("\u0301"), "◌\u0301")
        self.assertEqual(show_character("<"), "&lt;")

    def test_a_character_has_its_code_point_beside_it(self):
        self.assertEqual(show_code("<"), '<span class="char">&lt;<small>U+003C</small></span>')

    def test_only_exactly_all_or_nothing_looks_like_it(self):
        shares = [0.0, 1.0, 1 / 3, 0.999999, 1e-7, None]
        self.assertEqual([percent(s) for s in shares], ["0%", "100%", "33.33%", "99.9999%", "0.00001%", "–"])
        self.assertEqual([confidence(c) for c in (0.5, 0.99996, 1.0, 0.0)], ["0.500", "0.99996", "1", "0"])
        self.assertEqual(interval((0.5, 1.0)), "50.00–100%")

    def test_counts_have_a_singular(self):
        self.assertEqual([count(n, "edit") for n in (0, 1, 2000)], ["0 edits", "1 edit", "2,000 edits"])


if __name__ == "__main__":
    tf.test.main()
