"""Exports read as the run does; what stands in an output folder, and what is refused."""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from unittest import mock

import numpy as np
import onnx
import tensorflow as tf
from absl.testing import parameterized

from model.config import Devices, Training
from model.densenet import build_densenet
from model.exports import exporting
from model.exports.calibration import read_calibration
from model.exports.exporting import export
from model.loading import load_network
from model.network import KerasNetwork
from model.recognizer import Recognizer
from model.run_folder import open_run
from pipeline import images
from pipeline.dataset_info import DatasetInfo, load_dataset_info
from pipeline.errors import UserError
from pipeline.export_info import hash_files, load_export_info
from pipeline.images import Geometry
from tests.samples import CHARSET, convert_lines, draw_levels, shallow_network, train_a_little

WIDTHS = (64, 300, 57, 64, 66, 8, 305)
INFO = DatasetInfo(CHARSET, Geometry(32, 64), "uint8")


def make_network(seed: int = 0) -> KerasNetwork:
    with shallow_network():
        model = build_densenet(height=32, classes=CHARSET.classes, seed=seed)
    train_a_little(model)
    return KerasNetwork(model, INFO)


def open_another(_, info):
    """In place of open_export: a network that reads otherwise."""
    network = make_network(seed=1)
    network.export = info
    return network


class ExportCase(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.root)

    def make(self, name: str, seed: int = 0, **how) -> str:
        """The folder of an export, which is made once."""
        folder = os.path.join(self.root, f"{name}-{seed}")
        if not os.path.exists(folder):
            with shallow_network():
                export(make_network(seed), output=folder, **how)
        return folder


class FormatTest(ExportCase):
    def make_onnx(self, seed: int = 0) -> str:
        return self.make("onnx", seed, format="onnx")

    def make_tflite(self, seed: int = 0) -> str:
        return self.make("tflite", seed, format="tflite")

    def make_int8(self) -> str:
        lines = [draw_levels(n) for n in range(8)]
        return self.make("int8", format="tflite", precision="int8", calibration=lines)

    @parameterized.parameters("onnx", "tflite")
    def test_reads_as_the_run_does_at_any_width(self, format):
        network, folder = make_network(), getattr(self, f"make_{format}")()
        exported, lines = load_network(folder), [draw_levels(n, width=w) for n, w in enumerate(WIDTHS)]
        for line in lines:
            levels, widths = np.stack([line, line[::-1]]), np.full([2], line.shape[1])
            expected = network.compute_logits(levels, widths)
            self.assertAllClose(exported.compute_logits(levels, widths), expected, atol=1e-3, rtol=0)
        with shallow_network():  # the run's network for padded lines is built when it is needed
            ours, theirs = (list(Recognizer(one).read_many(lines)) for one in (network, exported))
        for one, other in zip(ours, theirs, strict=True):
            self.assertEqual(one.text, other.text)
            self.assertAllClose([c[1:] for c in one.characters], [c[1:] for c in other.characters])

    def test_int8_is_near_the_run_and_smaller(self):
        network, exported = make_network(), load_network(self.make_int8())
        levels, widths = draw_levels(1)[None], np.array([64])
        ours, theirs = (one.compute_logits(levels, widths) for one in (network, exported))
        self.assertGreater(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1], 0.97)
        self.assertNotAllClose(ours, theirs, atol=1e-3, rtol=0)
        folders = self.make_int8(), self.make_tflite()
        sizes = [os.path.getsize(os.path.join(folder, "model.tflite")) for folder in folders]
        self.assertLess(sizes[0], sizes[1] / 2)
        self.assertEqual(exported.export.precision, "int8")
        # The first line that it was calibrated on is its golden one.
        with open(os.path.join(self.make_int8(), "golden.png"), "rb") as file:
            self.assertAllEqual(images.decode(file.read()), draw_levels(0))

    def test_an_onnx_file_tells_what_a_reader_needs(self):
        model = onnx.load(os.path.join(self.make_onnx(), "model.onnx"))
        onnx.checker.check_model(model, full_check=True)
        properties = {entry.key: entry.value for entry in model.metadata_props}
        self.assertEqual(
            properties, {"charset": CHARSET.characters, "height": "32", "normalisation": "grey / 255 - 0.5"}
        )
        (given,), (found,) = model.graph.input, model.graph.output
        dims = [value.type.tensor_type.shape.dim for value in (given, found)]
        shapes = [[dim.dim_param or dim.dim_value for dim in one] for one in dims]
        self.assertEqual((given.name, found.name), ("lines", "logits"))
        self.assertEqual(shapes, [["B", 32, "W", 1], ["B", "T", CHARSET.classes]])

    def test_a_folder_describes_itself(self):
        folder = self.make_onnx()
        info, data = load_export_info(folder), load_dataset_info(folder)
        self.assertEqual((info.format, info.precision, info.tolerance), ("onnx", "float32", 1e-3))
        self.assertIn("tf2onnx", info.provenance["packages"])
        self.assertEqual(data, INFO)
        with open(os.path.join(folder, "charset.txt"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "\n".join(["<blank>", *CHARSET.characters, ""]))

    @parameterized.parameters("onnx", "tflite")
    def test_the_weights_of_another_run_are_refused(self, format):
        make, name = getattr(self, f"make_{format}"), f"model.{format}"
        folder = shutil.copytree(make(), os.path.join(self.create_tempdir().full_path, "copy"))
        shutil.copy(os.path.join(make(seed=1), name), folder)
        with self.assertRaisesRegex(
            UserError, f"{name} with a CRC-32C of .*, expected .*, as export.json has it"
        ):
            load_network(folder)
        # Even where its sum is right.
        dataclasses.replace(load_export_info(folder), files=hash_files(folder)).save(folder)
        with self.assertRaisesRegex(UserError, "logits of golden.png that differ .*expected 0.001 at most"):
            load_network(folder)

    @parameterized.parameters("onnx", "tflite")
    def test_half_a_model_is_refused(self, format):
        made, name = getattr(self, f"make_{format}")(), f"model.{format}"
        folder = shutil.copytree(made, os.path.join(self.create_tempdir().full_path, "copy"))
        with open(os.path.join(folder, name), "r+b") as file:
            file.truncate(os.path.getsize(file.name) // 2)
        with self.assertRaisesRegex(UserError, f"{name} with a CRC-32C of"):
            load_network(folder)

    def test_lines_of_several_widths_do_not_go_together(self):
        with self.assertRaisesRegex(ValueError, r"widths \[64, 60\] in a batch of width 64"):
            load_network(self.make_onnx()).compute_logits(np.zeros([2, 32, 64], np.uint8), [64, 60])

    def test_a_checkpoint_belongs_to_a_run(self):
        with self.assertRaisesRegex(UserError, "checkpoint: received 'epoch-0001.weights.h5', expected none"):
            load_network(self.make_onnx(), "epoch-0001.weights.h5")

    def test_a_missing_package_is_named_with_its_extra(self):
        with (
            mock.patch.dict(sys.modules, {"onnxruntime": None}),
            self.assertRaisesRegex(UserError, r"no package onnxruntime.*install 'densenet-ocr\[export\]'"),
        ):
            load_network(self.make_onnx())


class OutputTest(ExportCase):
    def export(self, folder: str, **changes):
        """An export whose model is a few bytes, which reads as the run does."""
        network = make_network()
        network.name = changes.pop("name", "model")

        def write(_, output):
            with open(os.path.join(output, "model.onnx"), "wb") as file:
                file.write(b"a model")

        def open_export(_, info):
            exported = make_network()
            exported.export = info
            return exported

        with (
            shallow_network(),
            mock.patch.object(exporting, "write_onnx", write),
            mock.patch.object(exporting, "open_export", changes.pop("opened", open_export)),
            mock.patch.object(exporting, "draw_test_lines", lambda geometry: []),
        ):
            return export(network, output=folder, format="onnx", **changes)

    def test_tells_what_it_wrote(self):
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

    def test_an_export_is_replaced_only_when_told(self):
        folder = self.create_tempdir().full_path
        self.export(folder, name="one")
        with self.assertRaisesRegex(UserError, "a folder that has an export.*--overwrite"):
            self.export(folder, name="two")
        self.assertEqual(load_export_info(folder).provenance["model"], "one")
        self.export(folder, name="two", overwrite=True)
        self.assertEqual(load_export_info(folder).provenance["model"], "two")

    def test_an_export_is_not_exported_again(self):
        folder = self.create_tempdir().full_path
        with self.assertRaisesRegex(UserError, "received an export, expected a run"):
            export(mock.Mock(name="not a KerasNetwork"), output=f"{folder}/out", format="onnx")
        self.assertEmpty(os.listdir(folder))

    def test_an_unfinished_export_is_begun_anew(self):
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

        def export_again(_, info):
            with self.assertRaisesRegex(UserError, "a second export, while another.*choose another --output"):
                self.export(folder, name="two")
            exported = make_network()
            exported.export = info
            return exported

        self.export(folder, name="one", opened=export_again)
        self.assertEqual(load_export_info(folder).provenance["model"], "one")

    def test_what_a_killed_export_left_is_settled(self):
        folder = os.path.join(self.create_tempdir().full_path, "export")
        self.export(folder, name="one")
        room = folder + ".tmp-export"
        os.makedirs(os.path.join(room, "new", "variables"))
        os.rename(folder, os.path.join(room, "old"))  # it was killed just before the new one came
        with self.assertRaisesRegex(UserError, "a folder that has an export"):
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

    def test_int8_tells_how_many_lines_read_alike(self):
        def open_int8(_, info):
            return open_another(_, dataclasses.replace(info, precision="int8"))

        folder = os.path.join(self.create_tempdir().full_path, "export")
        result = self.export(folder, opened=open_int8, calibration=[draw_levels(0)])
        self.assertEqual(result["equal_texts"], 0.0)
        self.assertGreater(result["largest_difference"], 1e-3)
        self.assertEqual(load_export_info(folder).provenance["equal_texts"], 0.0)

    @parameterized.parameters(
        ({"format": "torch"}, "format: received 'torch', expected saved_model, onnx, tflite"),
        ({"format": "onnx", "precision": "int4"}, "precision: received 'int4', expected float32 or int8"),
        ({"format": "onnx", "precision": "int8"}, "format: received 'onnx', expected tflite"),
        ({"format": "tflite", "precision": "int8"}, "calibration_data: .*lines to calibrate int8 on"),
    )
    def test_refuses_settings_before_it_writes(self, settings, message):
        folder = os.path.join(self.create_tempdir().full_path, "new")
        with self.assertRaisesRegex(UserError, message):
            export(make_network(), output=folder, **settings)
        self.assertFalse(os.path.exists(folder))

    def test_calibrates_on_the_first_lines_of_a_split(self):
        data = convert_lines(self.create_tempdir().full_path, 5)
        lines = read_calibration(data, INFO, split="train", count=3)
        self.assertEqual([line.shape for line in lines], [(32, 64)] * 3)
        other = DatasetInfo(CHARSET, Geometry(48, 64), "uint8")
        with self.assertRaisesRegex(UserError, "image height of .*received 32, expected 48, the model's"):
            read_calibration(data, other, split="train", count=3)


class CommandTest(ExportCase):
    def test_exports_a_run(self):
        folder = self.create_tempdir().full_path
        run = open_run(folder + "/run", training=Training(), devices=Devices(), data="data", info=INFO)
        make_network().model.save_weights(os.path.join(run.weights, "best.weights.h5"))
        shallow = "import model.densenet as d; d.LAYERS_PER_BLOCK = 1; from model.export import run; run()"
        command = [
            sys.executable,
            "-c",
            shallow,
            f"--model={run.path}",
            f"--output={folder}/out",
            "--format=onnx",
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        result = json.loads(ended.stdout.splitlines()[-1])
        self.assertEqual((result["format"], result["precision"]), ("onnx", "float32"))
        self.assertLess(result["largest_difference"], 1e-3)
        provenance = load_export_info(f"{folder}/out").provenance
        self.assertEqual(provenance["weights"], os.path.join(run.weights, "best.weights.h5"))


if __name__ == "__main__":
    tf.test.main()
