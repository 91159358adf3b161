"""Rows of cells that hold anything."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.ui.tsv import join_cells, split_cells


class TsvTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        (["a/b.jpg", "春 天", "0.9"],),
        (["", "", ""],),
        (["tab\there", "line\nend\r", "back\\slash"],),
        (["\\t is no tab", "\\\\n", "\\"],),
    )
    def test_returns_the_cells(self, cells):
        row = join_cells(cells)
        self.assertEqual(row.count("\t"), len(cells) - 1)
        self.assertNotIn("\n", row)
        self.assertEqual(split_cells(row), cells)

    def test_a_row_looks_as_documented(self):
        self.assertEqual(join_cells(["a\tb", "c\\d", "e\r\nf"]), "a\\tb\tc\\\\d\te\\r\\nf")


if __name__ == "__main__":
    tf.test.main()
