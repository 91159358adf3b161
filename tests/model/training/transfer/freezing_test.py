"""A trunk that is held for the first steps: not a bit of its weights moves, on one replica or two."""

import itertools

import keras
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.densenet import HEAD
from densenet_ocr.model.network.distribution import choose_strategy
from densenet_ocr.model.training.step import freeze_trunk

TRUNK = ("kernel", "gamma", "beta")


def make_model() -> keras.Model:
    """A trunk with L2 terms and batch norm, and a head."""
    layers = keras.layers
    trunk = layers.Dense(4, use_bias=False, kernel_regularizer="l2")
    return keras.Sequential([keras.Input((3,)), trunk, layers.BatchNormalization(), layers.Dense(2, name=HEAD)])


def make_step(model, optimizer, strategy, steps):
    def on_replica():
        with tf.GradientTape() as tape:
            # Not from 0, which is the mean of normalised lines: the bias would move by rounding alone, or not.
            loss = tf.reduce_sum((model(tf.random.stateless_normal([8, 3], [1, 2]), training=True) - 1) ** 2)
            loss += tf.add_n(model.losses)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    def step():
        with freeze_trunk(model, optimizer.iterations, steps):
            strategy.run(on_replica)

    return tf.function(step)


class FreezingTest(parameterized.TestCase, tf.test.TestCase):
    def train(self, name, steps, *, count):
        """Weights before and after each of some steps with AdamW, by replica."""
        strategy = choose_strategy(name)
        with strategy.scope():
            keras.utils.set_random_seed(1)
            model, optimizer = make_model(), keras.optimizers.AdamW(0.01, weight_decay=0.1)
            optimizer.build(model.trainable_variables)
        step, course = make_step(model, optimizer, strategy, steps), []
        for k in range(count + 1):
            if k:
                step()
            of = strategy.experimental_local_results
            course.append([[copy.numpy() for copy in of(v.value)] for v in model.variables])
        self.assertEqual(step.experimental_get_tracing_count(), 1)
        return [v.path for v in model.variables], course

    @parameterized.parameters("one", "mirrored")
    def test_the_trunk_stays_for_so_many_steps_and_the_rest_moves(self, name):
        paths, course = self.train(name, 3, count=5)
        for k, (before, after) in enumerate(itertools.pairwise(course)):
            for path, old, new in zip(paths, before, after, strict=True):
                held = path.rpartition("/")[2] in TRUNK and HEAD not in path and k < 3
                self.assertLen(new, 1 if name == "one" else 2)
                for replica in range(len(new)):
                    same = old[replica].tobytes() == new[replica].tobytes()
                    self.assertEqual(same, held, f"{path} in step {k + 1}")

    def test_the_averages_of_gradients_go_on_so_that_the_first_steps_are_no_longer_than_others(self):
        paths, course = self.train("one", 500, count=520)
        kernel = next(k for k, path in enumerate(paths) if path.endswith("kernel"))
        for before, after in itertools.pairwise(course[500:]):
            decay = abs(before[kernel][0]) * 0.1 * 0.01
            moved = abs(after[kernel][0] - before[kernel][0]) - decay
            self.assertLess(moved.max(), 0.01)  # the rate; from empty averages it would be 0.04

    def test_without_steps_nothing_is_held(self):
        for name in ("one", "mirrored"):
            _, course = self.train(name, 0, count=1)
            for old, new in zip(*course, strict=True):
                self.assertNotAllEqual(old[0], new[0])


if __name__ == "__main__":
    tf.test.main()
