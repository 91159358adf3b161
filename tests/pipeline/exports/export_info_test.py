"""The description of an export, and the line that every load of it checks."""

import dataclasses
import json
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import (
    ExportInfo,
    check_files,
    check_golden,
    hash_files,
    is_export,
    load_export_info,
    load_lines_info,
    save_golden,
)
from densenet_ocr.pipeline.images import Geometry
from tests.samples import draw_levels

CHARSET = Charset("深 a")
LINES = DatasetInfo(CHARSET, Geometry(32, 64), "uint8")
# Frames of classes; 3 is the blank.
PATH = [3, 0, 0, 3, 1, 2, 2, 3]
LOGITS = np.eye(4, dtype=np.float32)[PATH] * 20 + np.random.default_rng(0).normal(0, 2, (8, 4)).astype("f")
INFO = ExportInfo(
    "onnx", "float32", "深 a", 0.5, 1e-3, {"model.onnx": "00"}, {"run": "runs/1", "packages": {"onnx": None}}
)


class ExportInfoTest(parameterized.TestCase, tf.test.TestCase):
    def write_export(self, info: ExportInfo = INFO) -> str:
        folder = self.create_tempdir().full_path
        with open(os.path.join(folder, "model.onnx"), "wb") as file:
            file.write(b"a model")
        LINES.save(folder)
        CHARSET.write(os.path.join(folder, "charset.txt"))
        save_golden(folder, draw_levels(1), LOGITS)
        info.save(folder)
        return folder

    def change(self, folder: str, **changes) -> None:
        path = os.path.join(folder, "export.json")
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content | changes, file)

    def test_comes_back_as_it_was_written(self):
        folder = self.write_export()
        self.assertEqual(load_export_info(folder), INFO)
        self.assertTrue(is_export(folder))

    @parameterized.parameters(
        ({"format": "torch"}, "format 'torch', known are saved_model, onnx, tflite"),
        ({"precision": "int4"}, "precision 'int4'"),
        ({"confidence": 1.5}, "confidence 1.5"),
        ({"confidence": float("nan")}, "confidence nan"),
        ({"tolerance": 0.0}, "tolerance 0.0"),
        ({"tolerance": float("inf")}, "tolerance inf"),
        ({"text": None}, "text None"),
    )
    def test_refuses_what_cannot_be(self, changes, message):
        with self.assertRaisesRegex(ValueError, message):
            dataclasses.replace(INFO, **changes)

    def test_a_folder_without_it_is_no_export(self):
        folder = self.create_tempdir().full_path
        self.assertFalse(is_export(folder))
        with self.assertRaisesRegex(UserError, "received no export.json, expected the folder of an exported"):
            load_export_info(folder)

    @parameterized.parameters(
        ({"schema_version": 2}, "schema version 2"),
        ({"golden": {}}, "KeyError: 'text'"),
        ({"golden": {"text": "", "confidence": "high", "tolerance": 1}}, "TypeError"),
        ({"format": "torch"}, "format 'torch'"),
    )
    def test_a_damaged_one_is_refused_by_name(self, changes, message):
        folder = self.write_export()
        self.change(folder, **changes)
        with self.assertRaisesRegex(UserError, f"export.json: received .*{message}.*schema version 1"):
            load_export_info(folder)

    @parameterized.parameters(b"", b"[]", b"{", b"\xff")
    def test_other_bytes_are_refused(self, data):
        folder = self.write_export()
        with open(os.path.join(folder, "export.json"), "wb") as file:
            file.write(data)
        with self.assertRaisesRegex(UserError, "expected a description of schema version 1"):
            load_export_info(folder)

    def test_a_missing_model_is_named(self):
        folder = self.write_export()
        os.remove(os.path.join(folder, "model.onnx"))
        with self.assertRaisesRegex(UserError, "received no model.onnx"):
            load_export_info(folder)

    FILES = ("model.onnx", "dataset.json", "charset.txt", "golden.png", "golden.npy")

    @parameterized.parameters(*FILES)
    def test_a_changed_file_is_refused_by_its_sum(self, name):
        folder = self.write_export()
        info = dataclasses.replace(INFO, files=hash_files(folder))
        check_files(folder, info)
        with open(os.path.join(folder, name), "ab") as file:
            file.write(b"\n")
        with self.assertRaisesRegex(UserError, f"{name} with a CRC-32C of .*as export.json has it"):
            check_files(folder, info)

    def test_a_file_that_the_sums_leave_out_is_refused(self):
        folder = self.write_export()
        sums = hash_files(folder)
        del sums["dataset.json"]
        with self.assertRaisesRegex(UserError, "dataset.json with a CRC-32C of .*expected none"):
            check_files(folder, dataclasses.replace(INFO, files=sums))

    @parameterized.parameters(None, b"", b"{")
    def test_a_missing_or_damaged_description_is_not_to_be_converted_again(self, data):
        folder = self.write_export()
        info = dataclasses.replace(INFO, files=hash_files(folder))
        self.assertEqual(load_lines_info(folder, info).charset, CHARSET)
        path = os.path.join(folder, "dataset.json")
        os.remove(path)
        if data is not None:
            with open(path, "wb") as file:
                file.write(data)
        with self.assertRaisesRegex(UserError, r"dataset.json.*\. Export the model again, or copy the folder"):
            load_lines_info(folder, info)


class GoldenTest(parameterized.TestCase, tf.test.TestCase):
    write_export = ExportInfoTest.write_export

    def test_the_line_goes_to_the_model_as_it_was_drawn(self):
        seen = []
        check_golden(self.write_export(), LINES, lambda levels: seen.append(levels) or LOGITS)
        self.assertAllEqual(seen[0], draw_levels(1))

    def test_a_difference_within_the_tolerance_passes(self):
        check_golden(self.write_export(), LINES, lambda levels: LOGITS + 9e-4)

    @parameterized.parameters(
        (" 深a", "read ' 深a', expected '深 a'"), ("深 ab", "of 4 classes that read None")
    )
    def test_another_text_is_refused(self, characters, message):
        lines = dataclasses.replace(LINES, charset=Charset(characters))
        with self.assertRaisesRegex(UserError, message):
            check_golden(self.write_export(), lines, lambda levels: LOGITS)

    def test_another_height_is_refused(self):
        lines = dataclasses.replace(LINES, geometry=Geometry(48, 64))
        with self.assertRaisesRegex(UserError, "golden.png of height 32, expected 48, the height of the model"):
            check_golden(self.write_export(), lines, lambda levels: LOGITS)

    def test_a_model_that_fails_is_refused(self):
        def fail(levels):
            raise RuntimeError("tensorflow/lite/kernels/squeeze.cc:63 1 != 2\nmore")

        with self.assertRaisesRegex(UserError, r"a model that fails on golden.png: \S*squeeze.cc:63 1 != 2, "):
            check_golden(self.write_export(), LINES, fail)

    @parameterized.parameters(
        (LOGITS + 0.02, "up to 0.02, expected 0.001 at most"),
        (np.where(LOGITS > 15, np.nan, LOGITS), "up to nan"),
        (LOGITS[1:], "up to inf"),
        (LOGITS[:, 1:], "up to inf"),
    )
    def test_other_logits_are_refused(self, logits, message):
        with self.assertRaisesRegex(UserError, f"logits of golden.png that differ .*{message}"):
            check_golden(self.write_export(), LINES, lambda levels: logits)

    @parameterized.parameters("golden.png", "golden.npy")
    def test_a_missing_or_damaged_file_is_refused(self, name):
        folder = self.write_export()
        path = os.path.join(folder, name)
        with open(path, "r+b") as file:
            file.truncate(os.path.getsize(path) // 2)
        with self.assertRaisesRegex(UserError, "a damaged golden.png or golden.npy"):
            check_golden(folder, LINES, lambda levels: LOGITS)
        os.remove(path)
        with self.assertRaisesRegex(UserError, f"received no {name}"):
            check_golden(folder, LINES, lambda levels: LOGITS)

    def test_a_pickle_is_not_opened(self):
        folder = self.write_export()
        np.save(os.path.join(folder, "golden.npy"), np.array([{}], object), allow_pickle=True)
        with self.assertRaisesRegex(UserError, "damaged golden.png or golden.npy"):
            check_golden(folder, LINES, lambda levels: LOGITS)


if __name__ == "__main__":
    tf.test.main()
