"""What onnxruntime is given computes what the network does, in float32 and in int8."""

import os
import tempfile

import numpy as np
import onnx
import tensorflow as tf
from absl.testing import parameterized
from onnx import numpy_helper

from model.densenet import build_densenet
from model.exports.files import write_onnx
from model.exports.networks import open_export
from model.network import KerasNetwork
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
