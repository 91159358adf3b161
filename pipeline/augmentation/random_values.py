"""Random numbers of one operation on a batch: a function of seed, operation and purpose."""

import statistics
import zlib

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline.augmentation.config import AugmentConfig

# Quantiles at the middles of 256 equally likely parts of the normal distribution, float32 [256]. A random byte
# picks one: a fourth of the random bits and half the time of exact numbers, fine enough for noise.
_NORMAL = np.array([statistics.NormalDist().inv_cdf((k + 0.5) / 256) for k in range(256)], np.float32)


class Draws:
    """Random numbers of each line for one operation.

    Args:
      seed: Seed of the batch, int32 [2].
      op: The operation, one of config.OPS.
      rows: Lines of the batch, an int32 scalar.
      augmentation: The probability and the strength.
      part: The first line that is wanted, and the first one after those, int32 [2]; by default all are.

    Attributes:
      chosen: Which lines the operation changes, bool [B].
      strength: Factor of the ranges.
    """

    def __init__(
        self,
        seed: tf.Tensor,
        op: str,
        rows: tf.Tensor,
        augmentation: AugmentConfig,
        *,
        part: tf.Tensor | None = None,
    ):
        self._seed, self._op, self._rows, self._part = seed, op, rows, part
        self.strength = augmentation.strength
        self.chosen = self.uniform("chosen") < augmentation.probability

    def uniform(self, what: str, *shape: tf.Tensor | int) -> tf.Tensor:
        """Returns uniform numbers, 0 <= x < 1, float32 [B, *shape]."""
        return self._cut(tf.random.stateless_uniform([self._rows, *shape], self._fold(what), alg="philox"))

    def normal(self, what: str, *shape: tf.Tensor | int) -> tf.Tensor:
        """Returns normal numbers out of 256 quantiles, float32 [B, *shape]."""
        size = tf.reduce_prod(shape)
        fours = [self._rows, (size + 3) // 4]
        bits = tf.random.stateless_uniform(fours, self._fold(what), None, None, tf.int32, alg="philox")
        bits = self._cut(bits)
        rows = tf.shape(bits)[0]
        numbers = tf.reshape(tf.bitcast(bits, tf.uint8), [rows, (size + 3) // 4 * 4])[:, :size]
        return tf.gather(tf.constant(_NORMAL), tf.reshape(tf.cast(numbers, tf.int32), [rows, *shape]))

    def within(self, what: str, limits: tuple[float, float], *shape: tf.Tensor | int) -> tf.Tensor:
        """Returns numbers between two limits times strength, float32 [B, *shape]; 0 for lines not chosen."""
        low, high = (limit * self.strength for limit in limits)
        drawn = self.uniform(what, *shape) * (high - low) + low
        return tf.where(tf.reshape(self.chosen, [-1] + [1] * len(shape)), drawn, 0.0)

    def _cut(self, drawn: tf.Tensor) -> tf.Tensor:
        return drawn if self._part is None else drawn[self._part[0] : self._part[1]]

    def _fold(self, what: str) -> tf.Tensor:
        # By name, so that other operations do not change the numbers of this one.
        number = zlib.crc32(f"{self._op} {what}".encode()) & 0x7FFFFFFF
        return tf.random.experimental.stateless_fold_in(self._seed, number)
