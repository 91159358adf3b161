"""An export, known by its files."""

import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.transcription.manifest import describe_export
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports import export_info
from densenet_ocr.pipeline.exports.export_info import ExportInfo
from densenet_ocr.pipeline.geometry import Geometry
from tests.beam_jobs.transcription.fake_model import write_export
from tests.samples import CHARSET


class ExportFolderTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.create_tempdir().full_path, "export")

    def assert_refused(self, received: str, remedy: str) -> None:
        with self.assertRaisesRegex(
            UserError, rf"^export {self.folder}\S*: received {received}, expected .*\. {remedy}"
        ):
            describe_export(self.folder)

    def test_has_the_charset_geometry_and_fit(self):
        info = describe_export(write_export(self.folder, fit="pad", width=64)).info
        self.assertEqual((info.charset, info.geometry, info.fit), (CHARSET, Geometry(32, 64), "pad"))

    MODEL = ("saved_model.pb", "variables/variables.index", "variables/variables.data")

    @parameterized.parameters(*MODEL, "dataset.json")
    def test_its_hashes_change_with_the_files_of_the_model(self, name):
        before = describe_export(write_export(self.folder)).files
        with open(os.path.join(self.folder, name), "a") as file:
            file.write("\n")
        ExportInfo("saved_model", "float32", "", 0.0, 1e-3, export_info.hash_files(self.folder)).save(
            self.folder
        )
        after = describe_export(self.folder).files
        self.assertEqual([name], [one for one in before if before[one] != after[one]])
        self.assertNotEqual(before, after)

    @parameterized.parameters(*MODEL)
    def test_one_whose_files_are_not_as_they_were_written_is_refused(self, name):
        write_export(self.folder)
        with open(os.path.join(self.folder, name), "a") as file:
            file.write("\n")
        self.assert_refused(f"{name} with a CRC-32C of .*", "Export the model again, or copy the folder again")

    @parameterized.parameters("saved_model.pb", "dataset.json", "variables/variables.index")
    def test_one_that_lacks_a_file_is_refused(self, name):
        write_export(self.folder)
        os.remove(os.path.join(self.folder, name))
        self.assert_refused(f"no {name}", "Export the model again, or copy the folder again")

    @parameterized.parameters(("saved_model", "tensorflow"), ("onnx", "onnxruntime"), ("tflite", "tensorflow"))
    def test_one_of_any_format_names_the_package_that_computes_it(self, format, package):
        self.assertEqual(describe_export(write_export(self.folder, format=format)).package, package)

    @parameterized.parameters(True, False)
    def test_a_missing_folder_or_a_run_is_refused(self, is_there):
        if is_there:
            os.makedirs(self.folder)
        self.assert_refused("no export.json", "Export one first: ocr-export --model=RUN --output")

    @parameterized.parameters("", "{", "[]")
    def test_one_whose_description_is_damaged_is_refused(self, text):
        write_export(self.folder)
        with open(os.path.join(self.folder, "export.json"), "w") as file:
            file.write(text)
        self.assert_refused(".*Error: .*", "Export the model again")


if __name__ == "__main__":
    tf.test.main()
