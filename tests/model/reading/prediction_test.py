"""Predictions as rows and as a picture."""

import contextlib
import io
import json
import os

import numpy as np
import PIL.Image
import tensorflow as tf

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.reading.config import PredictConfig
from densenet_ocr.model.reading.image_paths import NamedImage
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.model.reading.pictures import ShownLine, choose_colour, draw_shown_lines
from densenet_ocr.model.reading.prediction import format_json, format_text, format_tsv, predict
from densenet_ocr.model.reading.reading import ReadAlternative, ReadCharacter, Reading
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.imaging.fitting import FittedLine
from densenet_ocr.pipeline.ui.picture import RIGHT, WRONG
from tests.samples import CHARSET, draw_levels, encode_image, shallow_network


class PredictionTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir()
        with shallow_network():
            model = build_densenet(height=32, classes=CHARSET.classes)
        info = DatasetInfo(CHARSET, Geometry(32, 64), "uint8")
        self.recognizer = Recognizer(KerasInferenceModel(model, info), batch_size=2)

    def predict(self, images, **options):
        with (
            contextlib.redirect_stdout(io.StringIO()) as stdout,
            contextlib.redirect_stderr(io.StringIO()) as stderr,
        ):
            refused = predict(self.recognizer, images, PredictConfig(format="json", **options))
        return refused, [json.loads(row) for row in stdout.getvalue().splitlines()], stderr.getvalue()

    def save(self, number, **size):
        data = encode_image(draw_levels(number, **size))
        return self.folder.create_file(f"{number}.png", content=data, mode="wb").full_path

    def test_prints_a_row_for_each_image_in_order_refused_ones_too(self):
        paths = [self.save(1), "none.png", self.save(2, width=200), self.save(3, width=5)]
        outside = Refused("outside_root", "'../x' leads out of the image root")
        images = [NamedImage(path, path) for path in paths] + [NamedImage("list.txt:5", outside)]
        refused, rows, stderr = self.predict(images)
        self.assertEqual(refused, 3)
        self.assertEqual([row["path"] for row in rows], [image.name for image in images])
        reasons = [row.get("refused") for row in rows]
        self.assertEqual(reasons, [None, "missing_image", None, "wrong_size", "outside_root"])
        self.assertEqual(rows[0]["text"], self.recognizer.read(draw_levels(1)).text)
        self.assertIn("error: none.png: missing_image: no file none.png", stderr)
        self.assertIn("error: list.txt:5: outside_root", stderr)

    def test_the_picture_has_the_first_lines_read(self):
        picture = os.path.join(self.folder.full_path, "show.png")
        images = [NamedImage(path, path) for path in ("none.png", self.save(1), self.save(2))]
        self.predict(images, show=picture, show_lines=1)
        one = PIL.Image.open(picture).height
        self.predict(images, show=picture, show_lines=9)
        self.assertGreater(PIL.Image.open(picture).height, 1.8 * one)


class ReadingPictureTest(tf.test.TestCase):
    def draw(self, *characters):
        reading = Reading("".join(c.text for c in characters), 0.9, list(characters))
        line = FittedLine(np.full((32, 80), 200, np.uint8), 2.0, 160)  # an image 160 pixels wide
        return np.asarray(draw_shown_lines([ShownLine("a.png", line, reading)])).astype(int)

    def test_a_character_is_drawn_below_its_place(self):
        left, right = (self.draw(ReadCharacter("7", 1.0, start, start + 16)) for start in (0.0, 144.0))
        green = [np.flatnonzero(np.all(sheet == RIGHT, axis=-1).any(axis=0)).mean() for sheet in (left, right)]
        self.assertAllClose(green[1] - green[0], 144, atol=2)  # twice as large, of half its columns

    def test_colours_show_confidence(self):
        self.assertEqual((choose_colour(1.0), choose_colour(0.5), choose_colour(0.1)), (RIGHT, WRONG, WRONG))

    def test_an_empty_reading_is_drawn_too(self):
        self.assertGreater(self.draw().shape[0], 64)


READING = Reading("a\tb", 0.98765, [ReadCharacter("a", 0.5, 0.0, 8.25)])
REFUSED = Refused("missing_image", "no file x")


class FormatsTest(tf.test.TestCase):
    def test_tsv(self):
        self.assertEqual(format_tsv("a b.jpg", READING), "a b.jpg\ta\\tb\t0.9877")
        self.assertIsNone(format_tsv("x", REFUSED))

    def test_tsv_has_columns_of_alternatives_and_the_reason_of_an_empty_text(self):
        alternatives = [ReadAlternative("ab", 0.5), ReadAlternative("b\t", 0.25)]
        row = format_tsv("a", Reading("ab", 0.5, [], alternatives))
        self.assertEqual(row, "a\tab\t0.5000\tb\\t\t0.2500")
        row = format_tsv("a", Reading("", 0.5, [], alternatives, "no_entry"))
        self.assertEqual(row, "a\t\t0.5000\tab\t0.5000\tb\\t\t0.2500\tno_entry")

    def test_json_has_alternatives_and_the_reason_of_an_empty_text(self):
        content = json.loads(format_json("a", Reading("", 0.5, [], [ReadAlternative("ab", 0.5)], "no_entry")))
        self.assertEqual(content["alternatives"], [{"text": "ab", "confidence": 0.5}])
        self.assertEqual((content["text"], content["reason"]), ("", "no_entry"))

    def test_text_has_a_row_for_refused_images_too(self):
        self.assertEqual([format_text("x", READING), format_text("x", REFUSED)], ["a\\tb", ""])

    def test_json(self):
        content = json.loads(format_json("春\udcff.jpg", READING))
        self.assertEqual(content["path"], "春\\xff.jpg")
        self.assertEqual((content["text"], content["confidence"]), ("a\tb", 0.9877))
        self.assertEqual(content["characters"], [{"text": "a", "confidence": 0.5, "start": 0.0, "end": 8.2}])
        refused = {"path": "x", "refused": "missing_image", "detail": "no file x"}
        self.assertEqual(json.loads(format_json("x", REFUSED)), refused)


if __name__ == "__main__":
    tf.test.main()
