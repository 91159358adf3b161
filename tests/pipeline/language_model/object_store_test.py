"""Language models, their texts and charsets in buckets."""

import gzip
import os

import tensorflow as tf

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.language_model.building import build
from densenet_ocr.pipeline.language_model.config import LanguageModelConfig
from densenet_ocr.pipeline.language_model.language_model import load_language_model
from tests.pipeline.language_model.building_test import CHARSET, make_text
from tests.pipeline.storage.store_case import StoreCase


class ObjectStoreTest(StoreCase):
    def build(self, folder: str, name: str) -> bytes:
        config = LanguageModelConfig(
            text=(storage.join(folder, "text*.txt"),),
            charset=storage.join(folder, "charset.txt"),
            output=storage.join(folder, name),
        )
        build(config)
        return storage.read_bytes(config.output)

    def test_a_bucket_gives_the_bytes_and_scores_of_a_disk(self):
        local = self.create_tempdir().full_path
        for folder in (local, self.root):
            CHARSET.write(storage.join(folder, "charset.txt"))
            for part in (1, 2):
                storage.write_atomically(
                    storage.join(folder, f"text{part}.txt"), make_text(100 * part).encode()
                )
        for name in ("text.lm", "text.arpa", "text.arpa.gz"):
            ours, theirs = self.build(self.root, name), self.build(local, name)
            self.assertEqual(*(gzip.decompress(d) if name.endswith("gz") else d for d in (ours, theirs)))
            models = [load_language_model(storage.join(f, name), CHARSET) for f in (self.root, local)]
            self.assertEqual(*(model.score_text("一二三四，") for model in models))
        self.assertNotIn("text.lm", os.listdir("."))

    def test_what_is_missing_is_named(self):
        with self.assertRaisesRegex(UserError, "none.lm"):
            load_language_model(self.url("none.lm"), CHARSET)


if __name__ == "__main__":
    tf.test.main()
