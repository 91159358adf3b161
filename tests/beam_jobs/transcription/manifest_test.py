"""transcription.json, there and back."""

import json
import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.transcription.manifest import TranscriptionInfo, load_transcription_info
from densenet_ocr.pipeline.dataset_info import ShardInfo, SplitInfo
from densenet_ocr.pipeline.errors import UserError

SPLIT = SplitInfo(
    shards=(ShardInfo("a", 3, 100, "00000001"), ShardInfo("b", 2, 80, "00000002")),
    read=6,
    refused={"missing_image": 1},
    statistics={},
    sources={"lines_per_shard": 4, "image_root": "\udcff"},
    rejects_crc32c="00000003",
)
INFO = TranscriptionInfo(SPLIT, {"saved_model.pb": "1f"}, {"fit": "pad"}, {"command": ["x"]})


class TranscriptionInfoTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.path = os.path.join(self.folder, "transcription.json")

    def test_counts_rows_by_shard_and_in_all(self):
        INFO.save(self.folder)
        with open(self.path, encoding="utf-8") as file:
            content = json.load(file)
        self.assertEqual([shard["rows"] for shard in content["shards"]], [4, 2])
        self.assertEqual([shard["transcribed"] for shard in content["shards"]], [3, 2])
        self.assertEqual(
            (content["read"], content["transcribed"], content["refused"]), (6, 5, {"missing_image": 1})
        )
        self.assertEqual(content["columns"], ["path", "text", "confidence", "reason"])

    def test_is_read_back_as_it_was_saved(self):
        INFO.save(self.folder)
        self.assertEqual(load_transcription_info(self.folder), INFO)

    def test_none_is_none(self):
        self.assertIsNone(load_transcription_info(self.folder))

    @parameterized.parameters(
        "", "[]", "{}", '{"schema_version": 2}', '{"schema_version": 1, "shards": [1]}', '{"schema_version": 1}'
    )
    def test_one_that_is_damaged_is_refused(self, text):
        with open(self.path, "w") as file:
            file.write(text)
        with self.assertRaisesRegex(
            UserError, f"^transcription {self.path}: received .*transcribe again with --overwrite"
        ):
            load_transcription_info(self.folder)

    def test_counts_that_do_not_add_up_are_refused(self):
        INFO.save(self.folder)
        with open(self.path, encoding="utf-8") as file:
            text = file.read()
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text.replace('"read": 6', '"read": 7'))
        with self.assertRaisesRegex(UserError, "7 rows read, but 5 written and 1 refused"):
            load_transcription_info(self.folder)


if __name__ == "__main__":
    tf.test.main()
