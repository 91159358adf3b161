"""An export's lines as texts, decoded by itself or by a decoder."""

import numpy as np
import tensorflow as tf

from densenet_ocr.beam_jobs.transcription.inference import LineReader
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.best_path import find_best_path
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.decoding.decoder import Decoder
from densenet_ocr.pipeline.geometry import Geometry
from tests.samples import CHARSET


class FakeEngine:
    """An export that sees "12" in each line."""

    takes_padding = True
    info = DatasetInfo(CHARSET, Geometry(32, 32), "uint8")

    def compute_logits(self, levels, widths):
        logits = np.zeros([len(levels), 4, CHARSET.classes], np.float32)
        for frame, k in enumerate([1, CHARSET.blank, 2, CHARSET.blank]):
            logits[:, frame, k] = 9
        return logits

    def find_best_path(self, levels, widths):
        return find_best_path(self.compute_logits(levels, widths), [4] * len(levels))


class LineReaderTest(tf.test.TestCase):
    def read(self, **options):
        decoder = Decoder(DecodingConfig(**options), CHARSET) if options else None
        return LineReader(FakeEngine(), decoder).read(np.zeros([2, 32, 32], np.uint8), np.array([32, 32]))

    def test_an_export_decodes_by_itself(self):
        first, second = self.read()
        self.assertEqual((first.text, first.reason, first), ("12", "", second))

    def test_a_decoder_decodes_its_logits(self):
        self.assertEqual(self.read(forbidden_characters="1")[0].text, "02")
        words = self.create_tempfile("words.txt", "13\n42\n").full_path
        line = self.read(lexicon=words, min_confidence=1.0)[1]
        self.assertEqual((line.text, line.reason), ("", "no_entry"))
        self.assertBetween(line.confidence, 0.0, 0.01)


if __name__ == "__main__":
    tf.test.main()
