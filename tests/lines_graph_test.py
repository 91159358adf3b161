"""The network as other engines get it computes what it computes itself."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from model.densenet import build_densenet
from model.exports.lines_graph import make_lines_call
from model.network import KerasNetwork
from pipeline import images
from pipeline.dataset_info import DatasetInfo
from pipeline.images import Geometry
from tests.samples import CHARSET, draw_levels, shallow_network, train_a_little


class LinesGraphTest(parameterized.TestCase, tf.test.TestCase):
    # At 36 a pool leaves a row out, at widths of 57 and 300 a column.
    @parameterized.parameters(32, 36, 48)
    def test_has_the_logits_of_the_network(self, height):
        with shallow_network():
            model = build_densenet(height=height, classes=CHARSET.classes)
        train_a_little(model)
        _, batch_norm, *_ = (layer for layer in model.layers if layer.weights)
        batch_norm.gamma.assign(-batch_norm.gamma)  # a scale may be of either sign
        network = KerasNetwork(model, DatasetInfo(CHARSET, Geometry(height, 64), "uint8"))
        call = make_lines_call(network)
        for width in (57, 64, 300):
            levels, widths = draw_levels(width, height, width)[None], np.array([width])
            logits = call(tf.constant(images.normalise(levels)[..., None]))
            self.assertAllClose(logits, network.compute_logits(levels, widths), atol=1e-4, rtol=0)


if __name__ == "__main__":
    tf.test.main()
