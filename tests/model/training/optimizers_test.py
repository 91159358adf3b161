"""The course of the learning rate, weight decay and clipping."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.distribution import choose_strategy
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.optimizers import clip_gradients, make_optimizer
from densenet_ocr.pipeline.errors import UserError


class RateTest(tf.test.TestCase):
    def rates(self, steps, **settings):
        schedule = make_optimizer(TrainConfig(epochs=10, **settings), steps_per_epoch=10)._learning_rate
        return [float(schedule(step)) for step in steps]

    def test_cosine_rises_then_falls_to_0(self):
        rates = self.rates([0, 5, 10, 55, 100], schedule="cosine", warmup_steps=10, learning_rate=0.2)
        self.assertAllClose(rates, [0.0, 0.1, 0.2, 0.1, 0.0], atol=1e-6)

    def test_constant_stays_after_its_warm_up(self):
        self.assertAllClose(
            self.rates([5, 10, 60, 99], warmup_steps=10, learning_rate=0.2), [0.1, 0.2, 0.2, 0.2]
        )

    def test_a_warm_up_that_never_ends_is_refused(self):
        with self.assertRaisesRegex(
            UserError, "warmup_steps: received 100, expected fewer than the training's 100"
        ):
            make_optimizer(TrainConfig(epochs=10, warmup_steps=100), steps_per_epoch=10)


class WeightDecayTest(tf.test.TestCase):
    def test_adamw_decays_kernels_and_leaves_biases_and_batch_norm(self):
        model = keras.Sequential(
            [keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization()]
        )
        for weights in model.trainable_variables:
            weights.assign(np.ones(weights.shape))
        training = TrainConfig(optimizer="adamw", weight_decay=0.1, learning_rate=0.5)
        optimizer = make_optimizer(training, steps_per_epoch=10)
        optimizer.build(model.trainable_variables)
        optimizer.apply([tf.zeros(weights.shape) for weights in model.trainable_variables])
        left = {weights.name: float(np.mean(weights.numpy())) for weights in model.trainable_variables}
        self.assertAllClose(left, {"kernel": 0.95, "bias": 1.0, "gamma": 1.0, "beta": 1.0})

    def test_the_default_is_the_notebooks_adam(self):
        optimizer = make_optimizer(TrainConfig(), steps_per_epoch=10)
        self.assertIs(type(optimizer), keras.optimizers.Adam)
        self.assertAllClose(float(optimizer.learning_rate), 1e-3)


class ClipTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters((1.0, 0.1), (20.0, 1.0))
    def test_one_device_scales_to_the_norm_or_leaves_what_is_below(self, norm, scale):
        clipped = clip_gradients([tf.constant([6.0, 0.0]), tf.constant(8.0)], norm)
        self.assertAllClose(clipped[0], [6.0 * scale, 0.0])
        self.assertAllClose(clipped[1], 8.0 * scale)

    def test_replicas_are_bound_by_the_norm_of_their_sum(self):
        strategy = choose_strategy("mirrored")

        @tf.function
        def clip():
            def on_replica():
                share = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)
                return clip_gradients([tf.stack([6.0 * share, 8.0 * (1.0 - share)])], 1.0)[0]

            return strategy.experimental_local_results(strategy.run(on_replica))

        first, second = clip()
        self.assertAllClose(first, [0.0, 0.8])
        self.assertAllClose(second, [0.6, 0.0])


if __name__ == "__main__":
    tf.test.main()
