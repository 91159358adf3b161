"""What onnxruntime is given computes what the network does, in float32 and in int8."""

import os
import tempfile

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
from absl.testing import parameterized
from onnx import numpy_helper

from model.densenet import build_densenet
from model.exports.files import write_onnx
from model.exports.networks import open_export
from model.network import KerasNetwork
from pipeline import images
from pipeline.dataset_info import DatasetInfo
from pipeline.export_info import ExportInfo
from pipeline.images import Geometry
from tests.samples import CHARSET, draw_levels, shallow_network, train_a_little


class OnnxGraphTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.enter_context(tempfile.TemporaryDirectory())

    def make_network(self, height: int) -> KerasNetwork:
        with shallow_network():
            model = build_densenet(height=height, classes=CHARSET.classes)
        train_a_little(model)
        return KerasNetwork(model, DatasetInfo(CHARSET, Geometry(height, 64), "uint8"))

    def export(self, network: KerasNetwork, precision: str, calibration=()):
        write_onnx(network, self.folder, calibration)
        network.info.save(self.folder)
        return open_export(self.folder, ExportInfo("onnx", precision, "", 0.0, 1e-3))

    # The blocks' rows: 16, 8 and 4, of which all go in pairs; 18, 9 and 4; 20, 10 and 5.
    @parameterized.product(height=(32, 36, 40), precision=("float32", "int8"))
    def test_has_the_logits_of_the_network_at_any_height(self, height, precision):
        network = self.make_network(height)
        calibration = [draw_levels(n, height) for n in range(8)] if precision == "int8" else ()
        exported = self.export(network, precision, calibration)
        for width in (57, 64, 300):
            levels, widths = draw_levels(width, height, width)[None], np.array([width])
            ours, theirs = (one.compute_logits(levels, widths) for one in (network, exported))
            if precision == "float32":
                self.assertAllClose(theirs, ours, atol=1e-4, rtol=0)
            else:
                self.assertLess(np.abs(theirs - ours).mean(), 0.05 * np.abs(ours).mean())

    @parameterized.parameters("float32", "int8")
    def test_tells_each_frames_likeliest_class_and_its_probability(self, precision):
        calibration = [draw_levels(n) for n in range(8)] if precision == "int8" else ()
        self.export(self.make_network(32), precision, calibration)
        session = onnxruntime.InferenceSession(os.path.join(self.folder, "model.onnx"))
        lines = images.normalise(np.stack([draw_levels(n) for n in range(8)]))[..., None]
        logits, best, probability = session.run(["logits", "best", "probability"], {"lines": lines})
        self.assertAllEqual(best, logits.argmax(-1))
        self.assertAllClose(probability, tf.reduce_max(tf.nn.softmax(logits), axis=-1))

    def test_a_file_that_tells_the_logits_alone_is_read_too(self):
        exported = self.export(self.make_network(32), "float32")
        levels, widths = np.stack([draw_levels(n) for n in range(2)]), np.full([2], 64)
        expected = exported.find_best_path(levels, widths)
        path = os.path.join(self.folder, "model.onnx")
        model = onnx.load(path)
        del model.graph.output[1:]
        onnx.save(model, path)
        older = open_export(self.folder, exported.export).find_best_path(levels, widths)
        self.assertEqual(older.ids.to_list(), expected.ids.to_list())
        self.assertAllClose(older.confidence.flat_values, expected.confidence.flat_values)

    def test_int8_has_no_steps_of_logits(self):
        network = self.make_network(32)
        exported = self.export(network, "int8", [draw_levels(n) for n in range(8)])
        levels = np.stack([draw_levels(n) for n in range(8)])
        logits = exported.compute_logits(levels, np.full([8], 64))
        self.assertGreater(len(np.unique(logits)), 256)

    def test_int8_rounds_what_a_block_has_but_once(self):
        self.export(self.make_network(32), "int8", [draw_levels(n) for n in range(8)])
        graph = onnx.load(os.path.join(self.folder, "model.onnx")).graph
        makers = {name: node for node in graph.node for name in node.output}
        concatenations = [node for node in graph.node if node.op_type == "Concat"]
        self.assertLen(concatenations, 3)
        for node in concatenations:
            (quantise,) = [one for one in graph.node if node.output[0] in one.input]
            scales = {read_scale(graph, one) for one in (quantise, *(makers[name] for name in node.input))}
            self.assertLen(scales, 1)


def read_scale(graph, node) -> float:
    (tensor,) = [one for one in graph.initializer if one.name == node.input[1]]
    return float(numpy_helper.to_array(tensor))


if __name__ == "__main__":
    tf.test.main()
