"""Random numbers of one operation on a batch: a function of a seed, the operation and what they are for."""

import statistics
import zlib

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline.augmentation.config import AugmentConfig

# The normal distribution cut into 256 equally likely parts, by the middle of each. A byte picks one, which
# takes a fourth of the random bits and half of the time that exact numbers take; grain needs no finer ones.
_NORMAL = np.array([statistics.NormalDist().inv_cdf((k + 0.5) / 256) for k in range(256)], np.float32)


class Draws:
    """Each line's own numbers; a line that the operation leaves alone has 0 for all that are `within`."""

    def __init__(self, seed, op: str, rows, augmentation: AugmentConfig):
        """Takes the seed of the batch, int32 [2], and how many lines it has."""
        self._seed, self._op, self._rows = seed, op, rows
        self.strength = augmentation.strength
        self.chosen = self.uniform("chosen") < augmentation.probability

    def uniform(self, what: str, *shape: int):
        """Numbers from 0 to below 1 for each line, float32 [B, *shape]."""
        return tf.random.stateless_uniform([self._rows, *shape], self._fold(what), alg="philox")

    def normal(self, what: str, *shape: int):
        """Normal numbers of 256 sizes for each line, float32 [B, *shape]."""
        size = tf.reduce_prod(shape)
        fours = [self._rows, (size + 3) // 4]
        bits = tf.random.stateless_uniform(fours, self._fold(what), None, None, tf.int32, alg="philox")
        numbers = tf.reshape(tf.bitcast(bits, tf.uint8), [self._rows, -1])[:, :size]
        return tf.gather(tf.constant(_NORMAL), tf.reshape(tf.cast(numbers, tf.int32), [self._rows, *shape]))

    def within(self, what: str, limits: tuple[float, float], *shape: int):
        """Numbers between two limits, which the strength scales, float32 [B, *shape]."""
        low, high = (limit * self.strength for limit in limits)
        drawn = self.uniform(what, *shape) * (high - low) + low
        return tf.where(tf.reshape(self.chosen, [-1] + [1] * len(shape)), drawn, 0.0)

    def _fold(self, what: str):
        # By name, so that an operation's numbers stay when others come before it.
        number = zlib.crc32(f"{self._op} {what}".encode()) & 0x7FFFFFFF
        return tf.random.experimental.stateless_fold_in(self._seed, number)
