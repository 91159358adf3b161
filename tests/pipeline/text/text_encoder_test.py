"""Text as class ids."""

import tensorflow as tf

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.text.text_encoder import TextEncoder
from densenet_ocr.pipeline.text.text_normalisation import TextNormaliser


class TextEncoderTest(tf.test.TestCase):
    def test_rows_end_with_a_line_feed_that_has_no_class(self):
        codes, ids = TextEncoder(Charset("一二 "), TextNormaliser()).encode("一 \t二\r\n\n 二")
        self.assertEqual("".join(map(chr, codes)), "一 二\n二\n")
        self.assertAllEqual(ids, [0, 2, 1, -1, 1, -1])

    def test_characters_outside_the_charset_are_counted_until_they_are_taken(self):
        encoder = TextEncoder(Charset("一"), TextNormaliser())
        self.assertAllEqual(encoder.encode("三一二")[1], [-1, 0, -1, -1])
        encoder.encode("三\n")
        self.assertEqual(list(encoder.take_outside().items()), [("三", 2), ("二", 1)])
        self.assertEmpty(encoder.take_outside())

    def test_the_ideographic_space_counts_where_there_is_no_other(self):
        self.assertEqual(TextEncoder(Charset("一\u3000"), TextNormaliser()).space, 1)
        self.assertEqual(TextEncoder(Charset("一\u3000 "), TextNormaliser()).space, 2)
        self.assertEqual(TextEncoder(Charset("一"), TextNormaliser()).space, -1)

    def test_a_normal_form_has_the_class_of_its_character(self):
        encoder = TextEncoder(Charset("，", normalize="NFKC"), TextNormaliser(form="NFKC"))
        self.assertAllEqual(encoder.encode("，")[1], [0, -1])


if __name__ == "__main__":
    tf.test.main()
