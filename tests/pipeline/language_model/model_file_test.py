"""Files of models: what is written is read, and damage is seen."""

import json
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.language_model import trie
from densenet_ocr.pipeline.language_model.kneser_ney import estimate
from densenet_ocr.pipeline.language_model.model_file import ModelFile, read_model, write_model
from tests.pipeline.language_model import samples
from tests.pipeline.language_model.counts_test import count
from tests.pipeline.language_model.language_model_test import CHARACTERS


class ModelFileTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.create_tempdir().full_path, "text.lm")
        model, _ = estimate(count(samples.make_rows(seed=1, rows=300), 4), (0, 0, 0, 0))
        self.file = ModelFile(CHARACTERS, trie.pack(model), "NFC", True, {"rows": 300})

    @parameterized.parameters(True, False)
    def test_what_is_written_is_read(self, quantize):
        model, _ = estimate(count(samples.make_rows(seed=1, rows=30), 3), (0, 0, 0))
        file = ModelFile(
            CHARACTERS, trie.pack(model, quantize=quantize), "NFC", quantize, {"rows": 30}, marks=False
        )
        self.assertEqual(write_model(self.path, file), os.path.getsize(self.path))
        found = read_model(self.path)
        self.assertEqual(
            (found.vocabulary, found.normalize, found.quantized, found.provenance, found.marks),
            (CHARACTERS, "NFC", quantize, {"rows": 30}, False),
        )
        self.assertEqual(list(found.arrays), list(file.arrays))
        for name, array in file.arrays.items():
            self.assertAllEqual(found.arrays[name], array)

    def test_equal_models_have_equal_bytes(self):
        datas = []
        for _ in range(2):
            write_model(self.path, self.file)
            with open(self.path, "rb") as written:
                datas.append(written.read())
        self.assertEqual(*datas)

    def test_a_changed_byte_is_seen(self):
        write_model(self.path, self.file)
        with open(self.path, "rb") as written:
            data = written.read()
        offsets = [entry["offset"] for entry in _entries(data)]
        for place in [16, 24, 30, 200, *offsets]:
            with open(self.path, "wb") as file:
                file.write(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
            with self.assertRaisesRegex(UserError, "language model .*text.lm: received a damaged file"):
                read_model(self.path)

    def test_a_cut_file_is_seen(self):
        write_model(self.path, self.file)
        size = os.path.getsize(self.path)
        for length in (17, 100, size // 2, size - 1):
            os.truncate(self.path, length)
            with self.assertRaisesRegex(UserError, "received a damaged file"):
                read_model(self.path)
            write_model(self.path, self.file)

    def test_a_foreign_file_is_named(self):
        for data, kind in [
            (b"\x89PNG\r\n\x1a\n", "an image"),
            (b"", "an empty file"),
            (b"word 3", "a text file"),
            (b"mmap lm http://k", "a language model in KenLM"),
        ]:
            with open(self.path, "wb") as file:
                file.write(data)
            with self.assertRaisesRegex(UserError, f"received {kind}.*expected a language model"):
                read_model(self.path)
        with self.assertRaisesRegex(UserError, "No such file"):
            read_model(self.path + "x")

    def test_arrays_that_do_not_belong_together_are_refused(self):
        arrays = dict(self.file.arrays) | {"2.tokens": np.zeros(3, np.uint16)}
        write_model(self.path, ModelFile(CHARACTERS, arrays, "none", True, {}))
        with self.assertRaisesRegex(UserError, "the arrays of order 2 differ in length"):
            read_model(self.path)


def _entries(data: bytes) -> list[dict]:
    length = int.from_bytes(data[16:24], "little")
    return list(json.loads(data[28 : 28 + length])["arrays"].values())


if __name__ == "__main__":
    tf.test.main()
