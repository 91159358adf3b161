"""A transcription's decoding is checked before it starts, and its outputs depend on it."""

import os

import tensorflow as tf

from densenet_ocr.beam_jobs.transcription.job import transcribe
from densenet_ocr.beam_jobs.transcription.manifest import check_decoding, identify_decoding
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.decoding.tuned_settings import TunedSettings
from densenet_ocr.pipeline.errors import UserError
from tests.beam_jobs.transcription.fake_model import load_fake_model
from tests.beam_jobs.transcription.transcription_case import TranscriptionTest
from tests.samples import CHARSET, write_lines


class DecodingTest(TranscriptionTest):
    def transcribe_lines(self, **options) -> None:
        transcribe(self.config(), workers=1, load=load_fake_model, decoding=DecodingConfig(**options))

    def test_greedy_decoding_is_not_a_part_of_what_outputs_depend_on(self):
        self.assertEqual(identify_decoding(DecodingConfig(), self.model), {})

    def test_files_count_by_their_content(self):
        words = os.path.join(self.folder, "words.txt")
        found = []
        for text, settings in (
            ("1\n", None),
            ("2\n", None),
            ("2\n", TunedSettings(temperatures={"beam": 2.0})),
        ):
            with open(words, "w") as file:
                file.write(text)
            if settings:
                settings.save(self.model)
            found.append(str(identify_decoding(DecodingConfig(lexicon=words), self.model)))
        self.assertLen(set(found), 3)
        self.assertNotIn(words, found[0])

    def test_another_decoding_does_not_resume(self):
        write_lines(self.folder, 5)
        self.transcribe_lines(characters="01")
        self.transcribe_lines(characters="01")
        self.assertEqual(self.describe()["sources"]["decoding (files by SHA-256)"], {"characters": "01"})
        with self.assertRaisesRegex(UserError, "decoding"):
            self.transcribe_lines(characters="012")

    def test_what_cannot_be_used_is_refused_before_anything_is_read(self):
        with self.assertRaisesRegex(UserError, "--characters: received 'x'"):
            self.transcribe_lines(characters="x")
        with self.assertRaisesRegex(UserError, "nbest: received 2, expected 1, because transcripts"):
            check_decoding(DecodingConfig(nbest=2), CHARSET, self.model)


if __name__ == "__main__":
    tf.test.main()
