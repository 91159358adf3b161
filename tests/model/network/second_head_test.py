"""A second head has the frames of the first one and leaves the network as it is."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.network.second_head import add_second_head
from densenet_ocr.pipeline import images
from tests.samples import draw_levels, shallow_network, train_a_little


class SecondHeadTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(8, 4)
    def test_both_heads_have_the_same_frames_and_the_first_one_its_own_logits(self, stride):
        model = build_densenet(height=32, classes=7, frame_stride=stride)
        weights = model.get_weights()
        trained = add_second_head(model, seed=3)
        lines = images.normalise(np.stack([draw_levels(k, width=60) for k in range(2)]))[..., None]
        logits, second = trained(lines, training=False)
        self.assertAllEqual(logits, model(lines, training=False))
        self.assertEqual(second.shape, logits.shape)
        for before, after in zip(weights, model.get_weights(), strict=True):
            self.assertAllEqual(before, after)
        # Batch norm, then eight rows of 192 channels, which the pool halves.
        self.assertEqual(trained.count_params() - model.count_params(), 4 * 192 + (4 * 192 + 1) * 7)

    def test_padded_lines_give_in_a_batch_what_they_give_alone(self):
        with shallow_network():
            plain, padded = (
                add_second_head(build_densenet(height=32, classes=7, padded=padded)) for padded in (False, True)
            )
        train_a_little(plain)
        padded.set_weights(plain.get_weights())
        widths = [45, 60, 64]
        lines = [images.normalise(draw_levels(width, width=width))[..., None] for width in widths]
        batch = np.stack([np.pad(line, [(0, 0), (0, 64 - line.shape[1]), (0, 0)]) for line in lines])
        together = padded([batch, np.array(widths, np.int32)], training=False)[1]
        for row, line in zip(together, lines, strict=True):
            own = plain(line[None], training=False)[1][0]
            self.assertAllClose(row[: len(own)], own, rtol=1e-4, atol=1e-4)

    def test_initial_weights_depend_on_the_seed_alone(self):
        with shallow_network():
            first, again, other = (
                add_second_head(build_densenet(height=32, classes=7), seed=seed) for seed in (3, 3, 4)
            )
        kernels = [model.get_layer("second_logits").kernel for model in (first, again, other)]
        self.assertAllEqual(kernels[0], kernels[1])
        self.assertNotAllEqual(kernels[0], kernels[2])


if __name__ == "__main__":
    tf.test.main()
