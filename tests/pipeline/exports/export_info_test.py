"""export.json is validated, and an export's files are checked against it."""

import dataclasses
import json
import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import (
    check_files,
    hash_files,
    is_export,
    load_export_info,
    load_lines_info,
)
from tests.messages import user_error
from tests.pipeline.exports.sample_export import CHARSET, INFO, write_export


class ExportInfoTest(parameterized.TestCase, tf.test.TestCase):
    def change(self, folder: str, **changes) -> None:
        path = os.path.join(folder, "export.json")
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content | changes, file)

    def test_comes_back_as_it_was_written(self):
        folder = write_export(self.create_tempdir().full_path)
        self.assertEqual(load_export_info(folder), INFO)
        self.assertTrue(is_export(folder))

    @parameterized.parameters(
        ({"format": "torch"}, "format 'torch'"),
        ({"precision": "int4"}, "precision 'int4'"),
        ({"confidence": 1.5}, "confidence 1.5"),
        ({"confidence": float("nan")}, "confidence nan"),
        ({"tolerance": 0.0}, "tolerance 0.0"),
        ({"tolerance": float("inf")}, "tolerance inf"),
        ({"text": None}, "text None"),
        ({"files": {"../model.onnx": "00"}}, "files .*../model.onnx"),
        ({"files": {"variables/../../x": "00"}}, "files"),
        ({"files": {"/etc/hostname": "00"}}, "files"),
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
        folder = write_export(self.create_tempdir().full_path)
        self.change(folder, **changes)
        with self.assertRaisesRegex(UserError, f"export.json: received .*{message}.*schema version 1"):
            load_export_info(folder)

    @parameterized.parameters(b"", b"[]", b"{", b"\xff")
    def test_other_bytes_are_refused(self, data):
        folder = write_export(self.create_tempdir().full_path)
        with open(os.path.join(folder, "export.json"), "wb") as file:
            file.write(data)
        with self.assertRaisesRegex(UserError, "expected a description of schema version 1"):
            load_export_info(folder)

    def test_a_missing_model_is_named(self):
        folder = write_export(self.create_tempdir().full_path)
        os.remove(os.path.join(folder, "model.onnx"))
        with self.assertRaisesRegex(UserError, "received no model.onnx"):
            load_export_info(folder)

    FILES = ("model.onnx", "dataset.json", "charset.txt", "golden.png", "golden.npy")

    @parameterized.parameters(*FILES)
    def test_a_changed_file_is_refused_by_its_sum(self, name):
        folder = write_export(self.create_tempdir().full_path)
        info = dataclasses.replace(INFO, files=hash_files(folder))
        check_files(folder, info)
        with open(os.path.join(folder, name), "ab") as file:
            file.write(b"\n")
        with self.assertRaisesRegex(UserError, f"{name} with a CRC-32C of .*as export.json has it"):
            check_files(folder, info)

    @parameterized.parameters("dataset.json", "model.onnx")
    def test_a_file_that_the_sums_leave_out_is_refused(self, name):
        folder = write_export(self.create_tempdir().full_path)
        sums = hash_files(folder)
        del sums[name]
        with self.assertRaisesRegex(UserError, f"{name} with a CRC-32C of .*expected none"):
            check_files(folder, dataclasses.replace(INFO, files=sums))

    def test_a_pipe_in_place_of_a_file_is_refused(self):
        folder = write_export(self.create_tempdir().full_path)
        path = os.path.join(folder, "model.onnx")
        os.remove(path)
        os.mkfifo(path)
        with user_error(f"export {folder}", "model.onnx: a pipe or a device", "Export the model again"):
            load_lines_info(folder, load_export_info(folder))

    @parameterized.parameters(None, b"", b"{")
    def test_a_missing_or_damaged_description_is_not_to_be_converted_again(self, data):
        folder = write_export(self.create_tempdir().full_path)
        info = dataclasses.replace(INFO, files=hash_files(folder))
        self.assertEqual(load_lines_info(folder, info).charset, CHARSET)
        path = os.path.join(folder, "dataset.json")
        os.remove(path)
        if data is not None:
            with open(path, "wb") as file:
                file.write(data)
        with self.assertRaisesRegex(UserError, r"dataset.json.*\. Export the model again, or copy the folder"):
            load_lines_info(folder, info)


if __name__ == "__main__":
    tf.test.main()
