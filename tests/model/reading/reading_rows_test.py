"""Readings as rows."""

import json

import tensorflow as tf

from densenet_ocr.model.reading.reading import ReadCharacter, Reading
from densenet_ocr.model.reading.reading_rows import write_json, write_text, write_tsv
from densenet_ocr.pipeline.errors import Refused

READING = Reading("a\tb", 0.98765, [ReadCharacter("a", 0.5, 0.0, 8.25)])
REFUSED = Refused("missing_image", "no file x")


class ReadingRowsTest(tf.test.TestCase):
    def test_tsv(self):
        self.assertEqual(write_tsv("a b.jpg", READING), "a b.jpg\ta\\tb\t0.9877")
        self.assertIsNone(write_tsv("x", REFUSED))

    def test_texts_alone_stay_aligned_with_the_images(self):
        self.assertEqual([write_text("x", READING), write_text("x", REFUSED)], ["a\\tb", ""])

    def test_json_tells_all(self):
        content = json.loads(write_json("春\udcff.jpg", READING))
        self.assertEqual(content["path"], "春\\xff.jpg")
        self.assertEqual((content["text"], content["confidence"]), ("a\tb", 0.9877))
        self.assertEqual(content["characters"], [{"text": "a", "confidence": 0.5, "start": 0.0, "end": 8.2}])
        refused = {"path": "x", "refused": "missing_image", "detail": "no file x"}
        self.assertEqual(json.loads(write_json("x", REFUSED)), refused)


if __name__ == "__main__":
    tf.test.main()
