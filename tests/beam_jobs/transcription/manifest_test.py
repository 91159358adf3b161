"""transcription.json: written when all rows are transcribed, and read back."""

import json
import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.transcription.manifest import Export, TranscriptionManifest
from densenet_ocr.pipeline.dataset_info import DatasetInfo, ShardInfo, SplitInfo
from densenet_ocr.pipeline.geometry import Geometry
from tests.messages import user_error
from tests.samples import CHARSET

SPLIT = SplitInfo(
    shards=(ShardInfo("a", 3, 100, "00000001"), ShardInfo("b", 2, 80, "00000002")),
    read=6,
    refused={"missing_image": 1},
    statistics={},
    sources={"lines_per_shard": 4, "image_root": "\udcff"},
    rejects_crc32c="00000003",
)
INFO = DatasetInfo(CHARSET, Geometry(32, 64), "uint8", fit="pad")
EXPORT = Export(INFO, {"saved_model.pb": "1f"}, "tensorflow")


class TranscriptionManifestTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.path = os.path.join(self.folder, "transcription.json")
        self.manifest = TranscriptionManifest(folder=self.folder, export=EXPORT, sources=SPLIT.sources)

    def test_counts_rows_by_shard_and_in_all(self):
        self.manifest.publish(SPLIT)
        with open(self.path, encoding="utf-8") as file:
            content = json.load(file)
        self.assertEqual([shard["rows"] for shard in content["shards"]], [4, 2])
        self.assertEqual([shard["transcribed"] for shard in content["shards"]], [3, 2])
        self.assertEqual(
            (content["read"], content["transcribed"], content["refused"]), (6, 5, {"missing_image": 1})
        )
        self.assertEqual(content["columns"], ["path", "text", "confidence", "reason"])

    def test_is_read_back_as_it_was_published(self):
        self.manifest.publish(SPLIT)
        self.assertEqual(self.manifest.load(), (SPLIT, self.manifest.identity))

    def test_another_export_has_another_identity(self):
        other = EXPORT._replace(files={"saved_model.pb": "2f"})
        manifest = TranscriptionManifest(folder=self.folder, export=other, sources=SPLIT.sources)
        self.assertNotEqual(manifest.identity, self.manifest.identity)

    def test_is_none_before_it_is_published_and_after_it_is_withdrawn(self):
        self.assertIsNone(self.manifest.load())
        self.manifest.publish(SPLIT)
        self.manifest.withdraw()
        self.assertIsNone(self.manifest.load())

    @parameterized.parameters(
        "", "[]", "{}", '{"schema_version": 2}', '{"schema_version": 1, "shards": [1]}', '{"schema_version": 1}'
    )
    def test_a_damaged_one_is_refused(self, text):
        with open(self.path, "w") as file:
            file.write(text)
        with user_error(f"transcription {self.path}", "--overwrite"):
            self.manifest.load()

    def test_counts_that_do_not_add_up_are_refused(self):
        self.manifest.publish(SPLIT)
        with open(self.path, encoding="utf-8") as file:
            text = file.read()
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text.replace('"read": 6', '"read": 7'))
        with user_error("7 rows", "5 written", "1 refused"):
            self.manifest.load()


if __name__ == "__main__":
    tf.test.main()
