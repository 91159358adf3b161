"""An export, known by its files."""

import json
import os

import tensorflow as tf
from absl.testing import parameterized

from beam_jobs.export_folder import describe_export, hash_files
from pipeline.errors import UserError
from pipeline.images import Geometry
from tests.fake_model import write_export
from tests.samples import CHARSET


class ExportFolderTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.create_tempdir().full_path, "export")

    def assert_refused(self, received: str, remedy: str) -> None:
        with self.assertRaisesRegex(
            UserError,
            f"^model {self.folder}: received {received}, expected an export, format saved_model. {remedy}",
        ):
            describe_export(self.folder)

    def test_tells_what_lines_are_like(self):
        info = describe_export(write_export(self.folder, fit="pad", width=64)).info
        self.assertEqual((info.charset, info.geometry, info.fit), (CHARSET, Geometry(32, 64), "pad"))

    @parameterized.parameters(
        "saved_model.pb", "variables/variables.index", "variables/variables.data", "dataset.json"
    )
    def test_its_hash_tells_changes_of_what_it_reads_with(self, name):
        before = describe_export(write_export(self.folder)).files
        with open(os.path.join(self.folder, name), "a") as file:
            file.write("\n")
        after = describe_export(self.folder).files
        self.assertEqual([name], [one for one in before if before[one] != after[one]])
        self.assertNotEqual(hash_files(before), hash_files(after))

    @parameterized.parameters("saved_model.pb", "dataset.json", "export.json")
    def test_one_that_lacks_a_file_is_refused(self, name):
        write_export(self.folder)
        os.remove(os.path.join(self.folder, name))
        self.assert_refused(f"no {name}", "(Restore it|Export the model)")

    def test_one_without_variables_is_refused(self):
        write_export(self.folder)
        for name in os.listdir(os.path.join(self.folder, "variables")):
            os.remove(os.path.join(self.folder, "variables", name))
        self.assert_refused("no variables/variables.index", "Restore it")

    @parameterized.parameters("onnx", "tflite", None)
    def test_one_of_another_format_is_refused_with_the_command_that_makes_one(self, kind):
        write_export(self.folder, format=kind)
        self.assert_refused(
            f"one of format {kind}", "Export the model: python -m model.export --model=RUN --format=saved_model"
        )

    def test_a_folder_that_is_not_there_or_a_run_is_refused(self):
        self.assert_refused("no such folder", "Export the model")
        os.makedirs(self.folder)
        self.assert_refused("no export.json", "Export the model")

    @parameterized.parameters("", "{", "[]", json.dumps({"kind": "saved_model"}))
    def test_one_whose_description_is_damaged_is_refused(self, text):
        write_export(self.folder)
        with open(os.path.join(self.folder, "export.json"), "w") as file:
            file.write(text)
        self.assert_refused("an export.json that is damaged .*", "Export the model")


if __name__ == "__main__":
    tf.test.main()
