"""A transcription of lists and images in a bucket, into it."""

import os
from unittest import mock

import tensorflow as tf

from densenet_ocr.beam_jobs.sources import list_rows
from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.job import transcribe
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.exports.export_info import check_files, local_export
from tests.beam_jobs.transcription.fake_model import FakeModel, load_fake_model, write_export
from tests.beam_jobs.transcription.transcripts import read_transcripts
from tests.messages import user_error
from tests.pipeline.storage.store_case import StoreCase
from tests.samples import write_lines


def load_after_checks(folder: str, threads: int) -> FakeModel:
    """The fake model, once the files of the export are there."""
    with local_export(folder) as (copy, info):
        check_files(copy, info)
    return load_fake_model(folder, threads)


class ObjectStoreTest(StoreCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.model = write_export(os.path.join(self.folder, "export"))
        write_lines(self.folder, 10)
        os.remove(os.path.join(self.folder, "3.png"))
        storage.upload_folder(self.folder, self.root)

    def transcribe(self, root: str, model: str = "", load=load_fake_model) -> None:
        config = TranscriptionConfig(
            list_paths=(storage.join(root, "train.txt"),),
            image_root=root,
            model=model or self.model,
            output=storage.join(root, "texts"),
            lines_per_shard=4,
            batch_size=3,
        )
        transcribe(config, workers=1, load=load)

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

    def test_reads_with_an_export_in_a_bucket_as_with_a_local_one(self):
        self.transcribe(self.folder)
        self.transcribe(self.root, self.url("export"), load=load_after_checks)
        copies = [name for name in os.listdir(storage.find_cache_folder()) if name.endswith("-export")]
        self.assertLen(copies, 1)  # for the driver and the workers
        for name in ("transcripts-00000-of-00003.tsv", "transcripts-00002-of-00003.tsv"):
            local = storage.read_bytes(os.path.join(self.folder, "texts", name))
            self.assertEqual(storage.read_bytes(self.url(f"texts/{name}")), local)
        manifests = [
            storage.read_json(storage.join(root, "texts/transcription.json"))["model"]
            for root in (self.folder, self.root)
        ]
        self.assertEqual(*manifests)

    def test_an_export_that_is_replaced_during_the_job_is_refused(self):
        plan = list_rows.ListRows.scan

        def replace_then_plan(lists):
            other = write_export(os.path.join(self.folder, "other"), fit="pad")
            storage.upload_folder(other, self.url("export"), last=["export.json"])
            return plan(lists)

        with (
            mock.patch.object(list_rows.ListRows, "scan", replace_then_plan),
            user_error(f"export {self.url('export')}", "other files than when the transcription began"),
        ):
            self.transcribe(self.root, self.url("export"))

    def test_an_export_in_a_bucket_that_was_changed_is_named_by_its_url(self):
        self.write(**{"export/saved_model.pb": b"another"})
        with user_error(f"export {self.url('export')}", "saved_model.pb"):
            self.transcribe(self.root, self.url("export"))


if __name__ == "__main__":
    tf.test.main()
