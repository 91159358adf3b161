"""Readings of a best path: texts, confidences and places."""

import dataclasses

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.reading.reading import ReadCharacter, make_decoded_reading, make_readings, rescale
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.alignment import Placed
from densenet_ocr.pipeline.decoding.best_path import BestPath, geometric_mean
from densenet_ocr.pipeline.decoding.decoder import NO_ENTRY, Alternative, DecodedLine
from densenet_ocr.pipeline.geometry import Geometry
from tests.samples import CHARSET

INFO = DatasetInfo(CHARSET, Geometry(32, 64), "uint8")


class ReadingTest(parameterized.TestCase, tf.test.TestCase):
    def read(self, info=INFO):
        """Two lines of 20 and 64 columns, that say '11' and nothing."""
        parts = ([[1, 1], []], [[0.9, 0.4], []], [[0, 2], []], [[0, 2], []])
        dtypes = (tf.int32, tf.float32, tf.int32, tf.int32)
        ragged = [tf.ragged.constant(part, dtype) for part, dtype in zip(parts, dtypes, strict=True)]
        return list(make_readings(BestPath(*ragged), info, [20, 64]))

    def test_has_each_character_where_its_frames_are(self):
        reading, _ = self.read()
        self.assertEqual(reading.text, "11")
        self.assertAllClose(reading.confidence, 0.6)
        places = [(character.text, character.start, character.end) for character in reading.characters]
        self.assertEqual(places, [("1", 0, 8), ("1", 16, 20)])  # a frame ends where the line does

    def test_frames_of_four_pixels_are_half_as_far_apart(self):
        fine = dataclasses.replace(INFO, geometry=Geometry(32, 64, 4))
        (reading, _), line = self.read(fine), DecodedLine([1], [Placed(0.9, 2, 4)], 0.9, [])
        self.assertEqual([character[2:] for character in reading.characters], [(0, 4), (8, 12)])
        self.assertEqual(make_decoded_reading(line, 18, fine).characters[0][2:], (8, 18))

    def test_nothing_read_is_no_confidence(self):
        _, empty = self.read()
        self.assertEqual(empty[:3], ("", 0.0, []))

    def test_a_decoded_line_has_places_alternatives_and_a_reason(self):
        alternatives = [Alternative([1, 1], 0.6), Alternative([1], 0.2)]
        line = DecodedLine([1, 1], [Placed(0.9, 0, 0), Placed(0.4, 2, 2)], 0.6, alternatives)
        reading = make_decoded_reading(line, 20, INFO)
        self.assertEqual((reading.text, reading.confidence, reading.reason), ("11", 0.6, ""))
        self.assertEqual([character[2:] for character in reading.characters], [(0, 8), (16, 20)])
        self.assertEqual(reading.alternatives, [("11", 0.6), ("1", 0.2)])
        nothing = make_decoded_reading(DecodedLine([], [], 0.1, [], NO_ENTRY), 20, INFO)
        self.assertEqual((nothing.text, nothing.reason), ("", "no_entry"))

    def test_rescaled_places_stay_inside_the_image(self):
        reading = rescale(self.read()[0], 1.5, 29)
        self.assertEqual([character[2:] for character in reading.characters], [(0, 12), (24, 29)])
        self.assertEqual(reading.text, "11")
        self.assertIsInstance(reading.characters[0], ReadCharacter)

    @parameterized.parameters(([], 0.0), ([0.5], 0.5), ([0.9, 0.4], 0.6), ([0.0, 1.0], 0.0))
    def test_a_lines_confidence_is_the_geometric_mean(self, confidences, expected):
        self.assertAllClose(geometric_mean(confidences), expected)


if __name__ == "__main__":
    tf.test.main()
