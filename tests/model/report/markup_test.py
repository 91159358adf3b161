"""No text can break out of the page or turn it around, and every character shows."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.report.markup import element, join, show, show_character, show_path, spell


class MarkupTest(parameterized.TestCase, tf.test.TestCase):
    def test_children_and_attributes_are_escaped_once(self):
        inner = element("b", "<i> & 'x'")
        self.assertEqual(inner, "<b>&lt;i&gt; &amp; &#x27;x&#x27;</b>")
        self.assertEqual(
            element("p", inner, title='"><script>'), f'<p title="&quot;&gt;&lt;script&gt;">{inner}</p>'
        )

    def test_attributes_may_have_no_value_or_be_left_out(self):
        self.assertEqual(
            element("input", hidden=True, id=None, aria_label="a", class_="b", open=False),
            '<input hidden aria-label="a" class="b">',
        )

    def test_children_may_be_lists_and_none(self):
        self.assertEqual(join(["a", None, ["b", [element("br")]]]), "ab<br>")

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
        element("p", character, title=character).encode("utf-8")

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


if __name__ == "__main__":
    tf.test.main()
