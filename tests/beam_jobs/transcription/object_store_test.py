"""A transcription of lists and images in a bucket, into it."""

import os

import tensorflow as tf

from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.job import transcribe
from densenet_ocr.beam_jobs.transcription.transcript_writer import read_transcripts
from densenet_ocr.pipeline import storage
from tests.beam_jobs.transcription.fake_model import load_fake_model, write_export
from tests.messages import user_error
from tests.pipeline.storage.store_case import StoreCase
from tests.samples import write_lines


class ObjectStoreTest(StoreCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.model = write_export(os.path.join(self.folder, "export"))
        write_lines(self.folder, 10)
        os.remove(os.path.join(self.folder, "3.png"))
        storage.upload_folder(self.folder, self.root)

    def transcribe(self, root: str, model: str = "") -> None:
        config = TranscriptionConfig(
            list_paths=(storage.join(root, "train.txt"),),
            image_root=root,
            model=model or self.model,
            output=storage.join(root, "texts"),
            lines_per_shard=4,
            batch_size=3,
        )
        transcribe(config, workers=1, load=load_fake_model)

    def test_writes_the_transcripts_of_a_local_run(self):
        self.transcribe(self.folder)
        self.transcribe(self.root)
        names = [name for name in storage.list_names(self.url("texts")) if name.startswith("transcripts-")]
        self.assertLen(names, 3)
        rows = [row for name in names for row in read_transcripts(self.url(f"texts/{name}"))]
        self.assertEqual([row.path for row in rows if row.reason == "missing_image"], ["3.png"])
        for name in names:
            local = storage.read_bytes(os.path.join(self.folder, "texts", name))
            self.assertEqual(storage.read_bytes(self.url(f"texts/{name}")), local)

    def test_refuses_a_model_in_a_bucket(self):
        with user_error("--model", "s3://", "a folder of this machine", "Copy"):
            self.transcribe(self.root, self.url("export"))


if __name__ == "__main__":
    tf.test.main()
