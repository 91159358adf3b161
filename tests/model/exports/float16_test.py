"""float16 exports: engines read with them, trainings begin with them, and they are exported again."""

import dataclasses
import os
import shutil
from unittest import mock

import numpy as np
import onnx
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.exports.exporter import export
from densenet_ocr.model.network.densenet import build_densenet, build_for, layers_with_weights
from densenet_ocr.model.network.float16_weights import pack_weights
from densenet_ocr.model.reading.config import ModelConfig
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.model.reading.loading import load_keras_network, load_network
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.transfer import begin_with
from densenet_ocr.model.training.weights import load_export_model, read_weights
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports import shipped
from densenet_ocr.pipeline.exports.export_info import hash_files, load_export_info
from densenet_ocr.pipeline.geometry import Geometry
from tests.messages import user_error
from tests.model.exports.export_case import INFO, ExportCase, make_network
from tests.samples import CHARSET, draw_levels, shallow_network

HEIGHT = 36  # the blocks have 18, 9 and 4 rows, of which 9 do not go in pairs


class Float16Test(ExportCase):
    def make_float16(self, seed: int = 0) -> str:
        return self.make("float16", seed, geometry={"height": HEIGHT}, format="onnx", precision="float16")

    def copy(self) -> str:
        """An export that a test may damage."""
        return shutil.copytree(self.make_float16(), os.path.join(self.create_tempdir().full_path, "copy"))

    def compute(self, model, width: int) -> np.ndarray:
        return model.compute_logits(draw_levels(width, HEIGHT, width)[None], np.array([width]))

    @parameterized.parameters(57, 64, 300)
    def test_reads_as_the_rounded_network_does(self, width):
        rounded = make_network(height=HEIGHT)
        rounded.model.set_weights([w.astype(np.float16) for w in rounded.model.get_weights()])
        exported = load_network(self.make_float16())
        self.assertAllClose(self.compute(exported, width), self.compute(rounded, width), atol=1e-4, rtol=0)

    def test_a_frame_may_be_four_pixels_wide(self):
        geometry, folder = (
            Geometry(32, 64, frame_stride=4),
            os.path.join(self.create_tempdir().full_path, "out"),
        )
        with shallow_network():
            model = build_for(dataclasses.replace(INFO, geometry=geometry))
            network = KerasInferenceModel(model, dataclasses.replace(INFO, geometry=geometry))
            result = export(network, output=folder, format="onnx", precision="float16")
            self.assertLen(load_export_model(folder)[0](np.zeros([1, 32, 64, 1]))[0], 16)
        self.assertLess(result["largest_difference"], 0.01)

    def test_weights_are_a_file_of_two_bytes_each(self):
        folder, model = self.make_float16(), make_network(height=HEIGHT).model
        weights = np.fromfile(os.path.join(folder, "weights.float16"), "<f2")
        expected = np.concatenate(
            [array.ravel() for layer in layers_with_weights(model) for array in layer.get_weights()]
        )
        self.assertAllEqual(weights, expected.astype(np.float16))
        graph = os.path.join(folder, "model.onnx")
        self.assertLess(os.path.getsize(graph), 20_000)
        onnx.checker.check_model(graph, full_check=True)

    def test_equal_networks_give_equal_bytes(self):
        folder = os.path.join(self.create_tempdir().full_path, "again")
        with shallow_network():
            export(make_network(height=HEIGHT), output=folder, format="onnx", precision="float16")
        self.assertEqual(hash_files(folder), hash_files(self.make_float16()))

    def test_a_training_begins_with_it(self):
        data = Charset("xy01")
        info = dataclasses.replace(load_dataset_info(self.make_float16()), charset=data)
        config = TrainConfig(init_from=self.make_float16(), charset_mode="union")
        with shallow_network():
            info, weights = begin_with(config, info, self.create_tempdir().full_path + "/run")
            model = build_densenet(height=HEIGHT, classes=info.charset.classes)
        self.assertEqual(info.charset, data.union(CHARSET))
        weights.place(model, info.charset)
        bias = model.layers[-1].get_weights()[1]
        expected = make_network(height=HEIGHT).model.layers[-1].get_weights()[1].astype(np.float16)
        shared = [CHARSET.encode("b")[0], CHARSET.blank]
        self.assertAllEqual(bias[[*info.charset.encode("b"), info.charset.blank]], expected[shared])

    def test_it_is_exported_again(self):
        folder = os.path.join(self.create_tempdir().full_path, "tflite")
        with shallow_network():
            network = load_keras_network(ModelConfig(model=self.make_float16()))
            result = export(network, output=folder, format="tflite")
        self.assertLess(result["largest_difference"], 1e-3)
        ours, theirs = (self.compute(load_network(one), 64) for one in (self.make_float16(), folder))
        self.assertAllClose(ours, theirs, atol=1e-3, rtol=0)

    def test_only_onnx_has_it(self):
        with self.assertRaisesRegex(UserError, "format: received 'tflite', expected onnx, where --precision"):
            export(make_network(), output=self.create_tempdir().full_path, format="tflite", precision="float16")

    def test_damaged_weights_are_refused(self):
        folder = self.copy()
        path = os.path.join(folder, "weights.float16")
        weights = np.fromfile(path, "<f2")
        weights[-1] += 1
        weights.tofile(path)
        for load in (load_network, load_export_model):
            with self.assertRaisesRegex(UserError, "weights.float16 with a CRC-32C of"):
                load(folder)
        dataclasses.replace(load_export_info(folder), files=hash_files(folder)).save(folder)
        for load in (load_network, load_export_model):
            with shallow_network(), self.assertRaisesRegex(UserError, "logits of golden.png that differ"):
                load(folder)

    def test_weights_that_float16_cannot_hold_are_refused(self):
        network = make_network(height=HEIGHT)
        network.model.layers[-1].bias.assign_add(1e5 * tf.ones_like(network.model.layers[-1].bias))
        with self.assertRaisesRegex(UserError, "a value of 1e.05, expected 65504 at most"):
            pack_weights(network.model)

    def test_an_anonymous_export_says_nothing_of_paths(self):
        network, folder = make_network(), os.path.join(self.create_tempdir().full_path, "out")
        network.info = dataclasses.replace(network.info, provenance={"train": {"command": ["--list=secret"]}})
        network.name = network.weights = "secret"
        with shallow_network():
            export(network, output=folder, format="onnx", precision="float16", anonymous=True)
        for name in ("export.json", "dataset.json", "model.onnx"):
            with open(os.path.join(folder, name), "rb") as file:
                self.assertNotIn(b"secret", file.read())
        self.assertEqual(load_dataset_info(folder), INFO)


class ShippedTest(ExportCase):
    """A model in the package, by its name."""

    def setUp(self):
        super().setUp()
        folder = self.create_tempdir().full_path
        made = self.make("float16", format="onnx", precision="float16")
        shutil.copytree(made, os.path.join(folder, "digits"))
        self.enterContext(mock.patch.object(shipped, "FOLDER", folder))
        self.enterContext(shallow_network())

    def test_it_is_read_and_trained_by_its_name(self):
        self.assertEqual(shipped.list_shipped(), ["digits"])
        recognizer = Recognizer("digits")
        self.assertEqual(recognizer.network.name, "digits")
        self.assertEqual(read_weights("digits", data=CHARSET).charset, CHARSET)
        network = load_keras_network(ModelConfig(model="digits"))
        line = draw_levels(3)
        self.assertEqual(Recognizer(network).read(line).text, recognizer.read(line).text)

    def test_a_path_means_a_folder(self):
        with user_error("model ./digits", "no such folder", "the folder of a run", "Shipped models: digits"):
            load_network("./digits")

    def test_a_wrong_name_lists_those_there_are(self):
        with user_error("model letters", "no such folder", "the folder of a run", "Shipped models: digits"):
            load_network("letters")
        with user_error("init_from", "letters", "a run", "Shipped models: digits"):
            read_weights("letters", data=CHARSET)


if __name__ == "__main__":
    tf.test.main()
