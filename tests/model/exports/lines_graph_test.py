"""The network as other engines get it computes what it computes itself."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.exports.lines_graph import make_lines_call
from densenet_ocr.pipeline import images
from tests.model.exports.export_case import make_network
from tests.samples import draw_levels


class LinesGraphTest(parameterized.TestCase, tf.test.TestCase):
    # At 36 a pool leaves a row out, at widths of 57 and 300 a column.
    @parameterized.parameters((32, 8), (36, 8), (48, 8), (36, 4))
    def test_has_the_logits_of_the_network(self, height, frame_stride):
        network = make_network(height=height, frame_stride=frame_stride)
        _, batch_norm, *_ = (layer for layer in network.model.layers if layer.weights)
        batch_norm.gamma.assign(-batch_norm.gamma)  # a scale may be of either sign
        for call in (make_lines_call(network), make_lines_call(network, equalised=True)):
            for width in (57, 64, 300):
                levels, widths = draw_levels(width, height, width)[None], np.array([width])
                logits = call(tf.constant(images.normalise(levels)[..., None]))
                self.assertAllClose(logits, network.compute_logits(levels, widths), atol=1e-4, rtol=0)


if __name__ == "__main__":
    tf.test.main()
