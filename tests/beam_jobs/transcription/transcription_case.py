"""A test of transcriptions in this process, and what it reads of their outputs."""

import json
import os

import tensorflow as tf

from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.job import transcribe
from tests.beam_jobs.transcription.fake_model import load_fake_model, write_export
from tests.beam_jobs.transcription.transcripts import Transcript, read_transcripts


def read_output(folder: str) -> dict[str, bytes]:
    """The files of a transcription, transcription.json without its provenance."""
    files = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = file.read()
    content = json.loads(files["transcription.json"])
    del content["provenance"]
    return {**files, "transcription.json": json.dumps(content).encode()}


class TranscriptionTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.output = os.path.join(self.folder, "texts")
        self.model = write_export(os.path.join(self.folder, "export"))

    def config(self, **changes) -> TranscriptionConfig:
        given = {
            "list_paths": (os.path.join(self.folder, "train.txt"),),
            "image_root": self.folder,
            "model": self.model,
            "output": self.output,
            "lines_per_shard": 4,
            "batch_size": 3,
        }
        return TranscriptionConfig(**{**given, **changes})

    def transcribe(self, *, workers: int = 1, beam_arguments: list[str] | None = None, **changes) -> dict:
        return self.transcribe_with(load_fake_model, workers=workers, beam_arguments=beam_arguments, **changes)

    def transcribe_with(
        self, load, *, workers: int = 1, beam_arguments: list[str] | None = None, **changes
    ) -> dict:
        return transcribe(self.config(**changes), workers=workers, beam_arguments=beam_arguments, load=load)

    def read_rows(self) -> list[Transcript]:
        names = [name for name in sorted(os.listdir(self.output)) if name.startswith("transcripts-")]
        return [row for name in names for row in read_transcripts(os.path.join(self.output, name))]

    def describe(self) -> dict:
        with open(os.path.join(self.output, "transcription.json"), encoding="utf-8") as file:
            return json.load(file)
