"""The files of an export's folder, when they are replaced, and what is refused."""

import contextlib
import copy
import dataclasses
import functools
import os
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.exports import exporter
from densenet_ocr.model.exports.exporter import export
from densenet_ocr.model.exports.sample_lines import read_representative_data
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.tuned_settings import TunedSettings, load_tuned_settings
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import load_export_info
from densenet_ocr.pipeline.geometry import Geometry
from tests.model.exports.export_case import INFO, make_network
from tests.samples import CHARSET, convert_lines, draw_levels, shallow_network

make_once = functools.cache(make_network)


def share_network(seed: int = 0) -> KerasInferenceModel:
    """A network whose functions are traced once."""
    return copy.copy(make_once(seed))


def open_same(_, info):
    """In place of open_export: the network itself."""
    network = share_network()
    network.export = info
    return network


def open_another(_, info):
    """In place of open_export: a network with other weights."""
    network = share_network(seed=1)
    network.export = info
    return network


class OutputTest(parameterized.TestCase, tf.test.TestCase):
    def export(self, folder: str, **changes):
        """An export whose model is a few bytes, which reads as the run does."""
        network = share_network()
        network.name = changes.pop("name", "model")

        def write(_, output, calibration):
            with open(os.path.join(output, "model.onnx"), "wb") as file:
                file.write(b"a model")

        with (
            shallow_network(),
            mock.patch.object(exporter, "write_onnx", write),
            mock.patch.object(exporter, "open_export", changes.pop("opened", open_same)),
            mock.patch.object(exporter, "draw_test_lines", lambda geometry: []),
        ):
            return export(network, output=folder, format="onnx", **changes)

    def test_returns_what_it_wrote(self):
        folder = os.path.join(self.create_tempdir().full_path, "new", "export")
        result = self.export(folder)
        self.assertEqual(
            result | {"seconds": 0},
            {
                "format": "onnx",
                "precision": "float32",
                "output": folder,
                "bytes": 7,
                "largest_difference": 0.0,
                "equal_texts": 1.0,
                "seconds": 0,
            },
        )

    def test_a_folder_with_other_files_is_left_alone(self):
        folder = self.create_tempdir()
        folder.create_file("letters.txt", "dear")
        with self.assertRaisesRegex(UserError, r"a folder with other files \(letters.txt\)"):
            self.export(folder.full_path, overwrite=True)
        self.assertEqual(os.listdir(folder.full_path), ["letters.txt"])

    def test_an_export_is_replaced_only_with_overwrite(self):
        folder = self.create_tempdir().full_path
        self.export(folder, name="one")
        with self.assertRaisesRegex(UserError, "a folder with an export.*--overwrite"):
            self.export(folder, name="two")
        self.assertEqual(load_export_info(folder).provenance["model"], "one")
        self.export(folder, name="two", overwrite=True)
        self.assertEqual(load_export_info(folder).provenance["model"], "two")

    def test_an_export_with_fitted_settings_is_replaced(self):
        folder = self.create_tempdir().full_path
        self.export(folder, name="one")
        TunedSettings(lm_weight=0.5).save(folder)
        self.export(folder, name="two", overwrite=True)
        self.assertEqual(load_export_info(folder).provenance["model"], "two")
        self.assertEqual(load_tuned_settings(folder), TunedSettings())  # those of its run are copied afterwards

    def test_an_export_is_not_exported_again(self):
        folder = self.create_tempdir().full_path
        with self.assertRaisesRegex(UserError, "received an export, expected a run"):
            export(mock.Mock(name="not a KerasInferenceModel"), output=f"{folder}/out", format="onnx")
        self.assertEmpty(os.listdir(folder))

    def test_an_interrupted_export_starts_again(self):
        folder = self.create_tempdir().full_path
        self.export(folder)
        os.remove(os.path.join(folder, "export.json"))
        self.export(folder)
        self.assertEqual(load_export_info(folder).format, "onnx")

    def test_what_does_not_read_as_the_run_is_no_export(self):
        folder = self.create_tempdir().full_path
        with self.assertRaisesRegex(UserError, "logits that differ by up to .*expected 0.001 at most"):
            self.export(folder, opened=open_another)
        self.assertEmpty(os.listdir(folder))

    def test_the_old_export_stays_until_the_new_one_is_proved(self):
        folder = os.path.join(self.create_tempdir().full_path, "export")
        self.export(folder, name="one")

        def stop(_, info):
            raise KeyboardInterrupt

        for opened, error in ((open_another, UserError), (stop, KeyboardInterrupt)):
            with self.assertRaises(error):
                self.export(folder, name="two", overwrite=True, opened=opened)
            self.assertEqual(load_export_info(folder).provenance["model"], "one")
            self.assertEqual(os.listdir(os.path.dirname(folder)), ["export"])

    def test_a_second_export_is_refused_while_the_first_one_writes(self):
        folder = os.path.join(self.create_tempdir().full_path, "export")

        def export_again(folder_of_export, info):
            with self.assertRaisesRegex(UserError, "a second export, while another.*choose another --output"):
                self.export(folder, name="two")
            return open_same(folder_of_export, info)

        self.export(folder, name="one", opened=export_again)
        self.assertEqual(load_export_info(folder).provenance["model"], "one")

    def test_what_a_killed_export_left_is_settled(self):
        folder = os.path.join(self.create_tempdir().full_path, "export")
        self.export(folder, name="one")
        room = folder + ".tmp-export"
        os.makedirs(os.path.join(room, "new", "variables"))
        os.rename(folder, os.path.join(room, "old"))  # it was killed just before the new one came
        with self.assertRaisesRegex(UserError, "a folder with an export"):
            self.export(folder, name="two")
        self.assertEqual(load_export_info(folder).provenance["model"], "one")
        self.assertEqual(os.listdir(os.path.dirname(folder)), ["export"])

    def test_the_folder_behind_a_link_is_replaced(self):
        root = self.create_tempdir().full_path
        link = os.path.join(root, "link")
        os.symlink(os.path.join(root, "export"), link)
        os.mkdir(os.path.join(root, "export"))
        self.export(link + "/")
        self.assertTrue(os.path.islink(link))
        self.assertEqual(load_export_info(os.path.join(root, "export")).format, "onnx")

    def test_the_folder_that_it_runs_in_is_refused(self):
        folder = self.create_tempdir().full_path
        with contextlib.chdir(folder), self.assertRaisesRegex(UserError, "Name a folder inside it"):
            self.export(".")
        self.assertEmpty(os.listdir(folder))

    def test_a_path_that_is_not_utf8_is_refused_before_anything_is_written(self):
        folder = self.create_tempdir().full_path
        with self.assertRaisesRegex(UserError, "received a path that is not UTF-8"):
            self.export(os.path.join(folder, os.fsdecode(b"\xff")))
        self.assertEmpty(os.listdir(folder))

    def test_int8_reports_how_many_lines_read_alike(self):
        def open_int8(_, info):
            return open_another(_, dataclasses.replace(info, precision="int8"))

        folder = os.path.join(self.create_tempdir().full_path, "export")
        result = self.export(folder, opened=open_int8, calibration=[draw_levels(0)])
        self.assertEqual(result["equal_texts"], 0.0)
        self.assertGreater(result["largest_difference"], 1e-3)
        self.assertEqual(load_export_info(folder).provenance["equal_texts"], 0.0)

    @parameterized.parameters(
        ({"format": "torch"}, "format: received 'torch', expected saved_model, onnx, tflite"),
        (
            {"format": "onnx", "precision": "int4"},
            "precision: received 'int4', expected float32, float16, int8",
        ),
        ({"format": "saved_model", "precision": "int8"}, "received 'saved_model', expected onnx or tflite"),
        ({"format": "onnx", "precision": "int8"}, "calibration_data: .*lines to calibrate int8 on"),
        ({"format": "tflite", "precision": "int8"}, "calibration_data: .*lines to calibrate int8 on"),
    )
    def test_refuses_settings_before_it_writes(self, settings, message):
        folder = os.path.join(self.create_tempdir().full_path, "new")
        with self.assertRaisesRegex(UserError, message):
            export(share_network(), output=folder, **settings)
        self.assertFalse(os.path.exists(folder))

    def test_calibrates_on_the_first_lines_of_a_split(self):
        data = convert_lines(self.create_tempdir().full_path, 5)
        lines = read_representative_data(data, INFO, split="train", count=3)
        self.assertEqual([line.shape for line in lines], [(32, 64)] * 3)
        other = DatasetInfo(CHARSET, Geometry(48, 64), "uint8")
        with self.assertRaisesRegex(
            UserError, "image height of .*received 32, expected 48, which the model was trained for"
        ):
            read_representative_data(data, other, split="train", count=3)


if __name__ == "__main__":
    tf.test.main()
