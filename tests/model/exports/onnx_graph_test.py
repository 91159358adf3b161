"""What onnxruntime is given computes what the network does, in float32 and in int8."""

import os
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
from absl.testing import parameterized
from onnx import numpy_helper

from densenet_ocr.model.exports.exporter import export
from densenet_ocr.model.network.densenet import HEAD
from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.exports.engines import open_export
from densenet_ocr.pipeline.inference_model import InferenceModel
from tests import ROOT
from tests.model.exports.export_case import ExportCase, make_network
from tests.samples import draw_levels, shallow_network

HEIGHT = 36  # the blocks have 18, 9 and 4 rows, of which 9 do not go in pairs
PRECISIONS = ("float32", "int8")


# Prints readings, and the packages that they needed.
READER = """
import sys
import numpy as np
from densenet_ocr import Recognizer
for reading in Recognizer(sys.argv[1]).read_many(np.load(sys.argv[2])):
    print(reading)
print(*{name.partition(".")[0] for name in sys.modules})
"""


def draw_lines(count: int) -> list[np.ndarray]:
    return [draw_levels(n, HEIGHT) for n in range(count)]


class OnnxGraphTest(ExportCase):
    def export(self, precision: str) -> str:
        calibration = draw_lines(8) if precision == "int8" else ()
        return self.make(
            precision, geometry={"height": HEIGHT}, format="onnx", precision=precision, calibration=calibration
        )

    def open(self, precision: str) -> InferenceModel:
        return load_network(self.export(precision))

    def load(self, precision: str) -> onnx.ModelProto:
        return onnx.load(os.path.join(self.export(precision), "model.onnx"))

    @parameterized.parameters(*PRECISIONS)
    def test_has_the_logits_of_the_network_at_any_width(self, precision):
        network, exported = make_network(height=HEIGHT), self.open(precision)
        for width in (57, 64, 300):
            levels, widths = draw_levels(width, HEIGHT, width)[None], np.array([width])
            ours, theirs = (one.compute_logits(levels, widths) for one in (network, exported))
            if precision == "float32":
                self.assertAllClose(theirs, ours, atol=1e-4, rtol=0)
            else:
                self.assertLess(np.abs(theirs - ours).mean(), 0.05 * np.abs(ours).mean())

    @parameterized.parameters(*PRECISIONS)
    def test_outputs_each_frames_most_probable_class(self, precision):
        session = onnxruntime.InferenceSession(self.load(precision).SerializeToString())
        lines = images.normalise(np.stack(draw_lines(8)))[..., None]
        logits, best, probability = session.run(["logits", "best", "probability"], {"lines": lines})
        self.assertAllEqual(best, logits.argmax(-1))
        self.assertAllClose(probability, tf.reduce_max(tf.nn.softmax(logits), axis=-1))

    def test_a_file_that_outputs_only_logits_is_read_too(self):
        exported, levels, widths = self.open("float32"), np.stack(draw_lines(2)), np.full([2], 64)
        expected = exported.find_best_path(levels, widths)
        folder = shutil.copytree(self.export("float32"), os.path.join(self.create_tempdir().full_path, "older"))
        model = self.load("float32")
        del model.graph.output[1:]
        onnx.save(model, os.path.join(folder, "model.onnx"))
        older = open_export(folder, exported.export).find_best_path(levels, widths)
        self.assertEqual(older.ids.to_list(), expected.ids.to_list())
        self.assertAllClose(older.confidence.flat_values, expected.confidence.flat_values)

    def test_reads_without_tensorflow_what_it_reads_with_it(self):
        levels, folder = draw_lines(3), self.export("float32")
        expected = [repr(reading) for reading in Recognizer(folder).read_many(levels)]
        np.save(path := os.path.join(self.create_tempdir().full_path, "lines.npy"), levels)
        done = subprocess.run(
            [sys.executable, "-c", READER, folder, path], cwd=ROOT, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        *readings, loaded = done.stdout.splitlines()
        self.assertEqual(readings, expected)
        self.assertNoCommonElements(
            loaded.split(), ["tensorflow", "keras", "apache_beam", "h5py", "tensorflow_io"]
        )

    def test_int8_has_no_steps_of_logits(self):
        logits = self.open("int8").compute_logits(np.stack(draw_lines(8)), np.full([8], 64))
        self.assertGreater(len(np.unique(logits)), 256)

    def test_a_head_whose_bias_is_zero_is_exported_too(self):
        network = make_network(height=HEIGHT)
        network.model.get_layer(HEAD).bias.assign(np.zeros(network.info.charset.classes))
        folder = os.path.join(self.create_tempdir().full_path, "export")
        with shallow_network():
            export(network, output=folder, format="onnx", precision="int8", calibration=draw_lines(8))
        levels, widths = np.stack(draw_lines(8)), np.full([8], 64)
        ours, theirs = (one.compute_logits(levels, widths) for one in (network, load_network(folder)))
        self.assertLess(np.abs(theirs - ours).mean(), 0.05 * np.abs(ours).mean())

    def test_int8_rounds_what_a_block_has_but_once(self):
        graph = self.load("int8").graph
        makers = {name: node for node in graph.node for name in node.output}
        concatenations = [node for node in graph.node if node.op_type == "Concat"]
        self.assertLen(concatenations, 3)
        for node in concatenations:
            (quantise,) = [one for one in graph.node if node.output[0] in one.input]
            scales = {read_scale(graph, one) for one in (quantise, *(makers[name] for name in node.input))}
            self.assertLen(scales, 1)


def read_scale(graph: onnx.GraphProto, node: onnx.NodeProto) -> float:
    (tensor,) = [one for one in graph.initializer if one.name == node.input[1]]
    return float(numpy_helper.to_array(tensor))


if __name__ == "__main__":
    tf.test.main()
