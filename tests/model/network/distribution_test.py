"""Two replicas learn what one device learns."""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.network.distribution import check_batch_size, choose_strategy, distribute
from densenet_ocr.model.network.layers import FusedBatchNormalization
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.step import average_statistics, make_step
from densenet_ocr.model.training.validation import Validation
from densenet_ocr.pipeline.dataset import training_input
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from tests.messages import user_error
from tests.model.network.steady_network import build_steady_network
from tests.samples import convert_lines, shallow_network


class DistributionTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(shallow_network())
        self.folder = convert_lines(self.create_tempdir().full_path, 21)
        self.info = load_dataset_info(self.folder)

    def train_two_steps(self, strategy):
        """Weights and losses after two SGD steps without what differs by replica: batch statistics, dropout."""
        training = TrainConfig(batch_size=8, seed=5)
        with strategy.scope():
            model, optimizer = build_steady_network(self.info.charset.classes)
        batches = training_input(folder=self.folder, info=self.info, split="train", batch_size=8, seed=5)
        step, batches = make_step(model, optimizer, strategy, training), iter(distribute(batches, strategy))
        losses = [float(step(next(batches)).mean) for _ in range(2)]
        return losses, model.get_weights()

    def test_one_cpu_is_nothing_to_mirror_over(self):
        find = {"GPU": [], "CPU": tf.config.list_logical_devices("CPU")[:1]}.get
        with (
            mock.patch.object(tf.config, "list_logical_devices", find),
            user_error("strategy", "'mirrored'", "no GPU", "--strategy=one"),
        ):
            choose_strategy.__wrapped__("mirrored")

    def test_two_replicas_make_the_same_update_as_one(self):
        mirrored = choose_strategy("mirrored")
        self.assertEqual(mirrored.num_replicas_in_sync, 2)
        losses_one, weights_one = self.train_two_steps(choose_strategy("one"))
        losses_two, weights_two = self.train_two_steps(mirrored)
        self.assertAllClose(losses_one, losses_two, rtol=1e-5)
        start = build_densenet(height=32, classes=self.info.charset.classes).get_weights()
        moved = 0.0
        for one, two, before in zip(weights_one, weights_two, start, strict=True):
            self.assertAllClose(one, two, atol=1e-5)
            moved = max(moved, np.abs(one - before).max())
        self.assertGreater(moved, 1e-3)

    def test_replicas_keep_the_mean_of_their_batch_norm_statistics(self):
        strategy, images = choose_strategy("mirrored"), tf.random.stateless_normal([2, 3, 4, 5, 2], [1, 2])
        with strategy.scope():
            layer = FusedBatchNormalization(momentum=0.9)
            model = keras.Sequential([keras.Input([4, 5, 2]), layer])

        @tf.function
        def run():
            def on_replica():
                number = tf.distribute.get_replica_context().replica_id_in_sync_group
                model(tf.gather(images, number), training=True)
                average_statistics(model)

            strategy.run(on_replica)

        run()
        means, variances = images.numpy().mean(axis=(1, 2, 3)), images.numpy().var(axis=(1, 2, 3))
        for replica in strategy.experimental_local_results(layer.moving_mean.value):
            self.assertAllClose(replica, 0.1 * means.mean(axis=0))
        for replica in strategy.experimental_local_results(layer.moving_variance.value):
            self.assertAllClose(replica, 0.9 + 0.1 * variances.mean(axis=0))

    def test_two_replicas_score_every_line_once(self):
        scores = []
        for name in ("one", "mirrored"):
            strategy = choose_strategy(name)
            with strategy.scope():
                model = build_densenet(height=32, classes=self.info.charset.classes)
            batches = TrainBatches(load_mixture(self.folder), self.info, TrainConfig(batch_size=8), strategy)
            scores.append(Validation(batches, model, "train").run()[0])
        self.assertEqual([s.lines for s in scores], [21, 21])
        self.assertAllClose(scores[0].loss, scores[1].loss)
        self.assertEqual(scores[0].cer, scores[1].cer)

    def test_a_batch_that_replicas_cannot_share_is_refused(self):
        with self.assertRaisesRegex(UserError, "batch_size: received 7, expected a multiple of the 2 .*=8"):
            check_batch_size(7, choose_strategy("mirrored"))

    def test_auto_uses_one_device_without_a_gpu(self):
        self.assertEqual(choose_strategy("auto").num_replicas_in_sync, 1)


if __name__ == "__main__":
    tf.test.main()
