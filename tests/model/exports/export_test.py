"""Exports read as the run does."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from unittest import mock

import numpy as np
import onnx
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.exports.exporter import export
from densenet_ocr.model.network.densenet import layers_with_weights
from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.run_folder import RunFolder, open_run
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import hash_files, load_export_info
from tests.model.exports.export_case import INFO, ExportCase, make_network
from tests.samples import CHARSET, draw_levels, shallow_network

WIDTHS = (64, 300, 57, 64, 66, 8, 305)


class FormatTest(ExportCase):
    def make_onnx(self, seed: int = 0) -> str:
        return self.make("onnx", seed, format="onnx")

    def make_tflite(self, seed: int = 0) -> str:
        return self.make("tflite", seed, format="tflite")

    def make_int8(self, format: str) -> str:
        lines = [draw_levels(n) for n in range(8)]
        return self.make(f"int8-{format}", format=format, precision="int8", calibration=lines)

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

    @parameterized.parameters("onnx", "tflite")
    def test_int8_is_near_the_run_and_smaller(self, format):
        folder, whole = self.make_int8(format), getattr(self, f"make_{format}")()
        network, exported = make_network(), load_network(folder)
        for width in WIDTHS:
            levels, widths = draw_levels(1, width=width)[None], np.array([width])
            ours, theirs = (one.compute_logits(levels, widths) for one in (network, exported))
            self.assertGreater(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1], 0.97)
            self.assertNotAllClose(ours, theirs, atol=1e-3, rtol=0)
        sizes = [os.path.getsize(os.path.join(one, f"model.{format}")) for one in (folder, whole)]
        self.assertLess(sizes[0], sizes[1] / 2)
        self.assertEqual(exported.export.precision, "int8")
        # The first line that it was calibrated on is its golden one.
        with open(os.path.join(folder, "golden.png"), "rb") as file:
            self.assertAllEqual(images.decode(file.read()), draw_levels(0))

    @parameterized.parameters("onnx", "tflite")
    def test_int8_keeps_small_channels_beside_large_ones(self, format):
        network, folder = make_network(), os.path.join(self.create_tempdir().full_path, "out")
        _, _, grow, batch_norm, *_ = layers_with_weights(network.model)
        grow.set_weights([array * 1000 for array in grow.get_weights()])
        for statistic, factor in ((batch_norm.moving_mean, 1e3), (batch_norm.moving_variance, 1e6)):
            values = statistic.numpy()
            values[-grow.filters :] *= factor
            statistic.assign(values)
        calibration = [draw_levels(n) for n in range(8)]
        with shallow_network():
            export(network, output=folder, format=format, precision="int8", calibration=calibration)
        levels, widths = draw_levels(1)[None], np.array([64])
        ours, theirs = (one.compute_logits(levels, widths) for one in (network, load_network(folder)))
        self.assertGreater(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1], 0.97)

    @parameterized.parameters("float32", "int8")
    def test_an_onnx_file_has_what_a_reader_needs(self, precision):
        folder = self.make_onnx() if precision == "float32" else self.make_int8("onnx")
        model = onnx.load(os.path.join(folder, "model.onnx"))
        onnx.checker.check_model(model, full_check=True)
        properties = {entry.key: entry.value for entry in model.metadata_props}
        self.assertEqual(
            properties, {"charset": CHARSET.characters, "height": "32", "normalisation": "grey / 255 - 0.5"}
        )
        shapes = {
            value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
            for value in (*model.graph.input, *model.graph.output)
        }
        expected = {"lines": ["B", 32, "W", 1], "logits": ["B", "T", CHARSET.classes]}
        self.assertEqual(shapes, expected | {"best": ["B", "T"], "probability": ["B", "T"]})

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
            self.assertRaisesRegex(UserError, r"package onnxruntime.*densenet-ocr\[read\]"),
        ):
            load_network(self.make_onnx())


class CommandTest(ExportCase):
    def test_exports_a_run(self):
        folder = self.create_tempdir().full_path
        run = open_run(RunFolder(folder + "/run"), RunConfig(TrainConfig(), "data"), INFO)
        make_network().model.save_weights(os.path.join(run.weights, "best.weights.h5"))
        shallow = (
            "import densenet_ocr.model.network.densenet as d; d.LAYERS_PER_BLOCK = 1\n"
            "from densenet_ocr.model.export import run; run()"
        )
        command = [
            sys.executable,
            "-c",
            shallow,
            f"--model={run.path}",
            f"--output={folder}/out",
            "--format=tflite",
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        result = json.loads(ended.stdout.splitlines()[-1])
        self.assertEqual((result["format"], result["precision"]), ("tflite", "float32"))
        self.assertLess(result["largest_difference"], 1e-3)
        provenance = load_export_info(f"{folder}/out").provenance
        self.assertEqual(provenance["weights"], os.path.join(run.weights, "best.weights.h5"))


if __name__ == "__main__":
    tf.test.main()
