"""Transcripts by exports of several formats: the texts and confidences that ocr-predict prints."""

import os
import subprocess
import sys

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.transcription.inference import load_line_reader
from densenet_ocr.model.recognizer import Recognizer
from tests import ROOT
from tests.beam_jobs.transcription.transcription_case import TranscriptionTest
from tests.model.exports.export_case import ExportCase
from tests.samples import draw_levels, write_lines, write_list

# Two widths that engines without padding may not put into one batch, and one that is alone.
WIDTHS = (64, 65, 64, 65, 200)

# The SavedModel is in transcribe_test.
FORMATS = {
    "onnx": {"format": "onnx"},
    "tflite": {"format": "tflite"},
    "onnx_int8": {"format": "onnx", "precision": "int8"},
    "tflite_int8": {"format": "tflite", "precision": "int8"},
}

# Transcribes in this process, then prints the packages that it loaded.
TRANSCRIBER = """
import sys
from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.job import transcribe
transcribe({config!r}, workers=1)
print(*{{name.partition(".")[0] for name in sys.modules}})
"""


class FormatsTest(ExportCase, TranscriptionTest):
    def setUp(self):
        super().setUp()
        write_lines(self.folder, len(WIDTHS), widths=WIDTHS)
        self.paths = [f"{n}.png" for n in range(len(WIDTHS))]
        write_list(self.folder, [*self.paths, "none.png"])

    def export(self, name: str) -> str:
        calibration = [draw_levels(n) for n in range(4)] if name.endswith("int8") else ()
        return self.make(name, calibration=calibration, **FORMATS[name])

    @parameterized.parameters(*FORMATS)
    def test_has_the_texts_and_confidences_of_ocr_predict_with(self, name):
        self.transcribe_with(load_line_reader, model=self.export(name))
        readings = Recognizer(self.export(name)).read_many(os.path.join(self.folder, p) for p in self.paths)
        expected = [(reading.text, f"{reading.confidence:.4f}") for reading in readings]
        *rows, missing = self.read_rows()
        self.assertEqual([(row.text, f"{row.confidence:.4f}") for row in rows], expected)
        self.assertNotEmpty("".join(text for text, _ in expected))
        self.assertEqual((missing.text, missing.reason), ("", "missing_image"))

    def test_onnx_loads_neither_tensorflow_nor_keras(self):
        code = TRANSCRIBER.format(config=self.config(model=self.export("onnx")))
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNoCommonElements(done.stdout.split(), ["tensorflow", "keras", "tensorflow_io", "onnx"])
        self.assertContainsSubset(["apache_beam", "onnxruntime"], done.stdout.split())
        self.assertIn("onnxruntime", self.describe()["provenance"]["packages"])


if __name__ == "__main__":
    tf.test.main()
