"""What the network needs beside Keras's own layers: fused batch norm, a narrow convolution, seeded dropout."""

import contextlib
import threading

import keras
import tensorflow as tf

_scope = threading.local()


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch norm over the last axis, by TensorFlow's fused kernel: the same weights and results.

    Keras 3 spells it out in single operations on the TensorFlow backend, each of which crosses the memory.
    """

    def call(self, inputs, training=None, mask=None):
        """Normalises [B, H, W, C], by batch statistics in training and by moving ones otherwise."""
        if not (training and self.trainable):
            return self._normalise(inputs, self.moving_mean, self.moving_variance)[0]
        outputs, mean, variance = self._normalise(inputs, None, None)
        samples = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], variance.dtype)
        # The kernel returns the unbiased variance; Keras averages the biased one.
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance * (samples - 1) / samples)
        return outputs

    def _normalise(self, inputs, mean, variance):
        return tf.compat.v1.nn.fused_batch_norm(
            inputs,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=None if mean is None else tf.convert_to_tensor(mean),
            variance=None if variance is None else tf.convert_to_tensor(variance),
            epsilon=self.epsilon,
            is_training=mean is None,
        )

    def _move(self, moving, batch):
        moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))


class NarrowConvolution(keras.layers.Conv2D):
    """A 'same' convolution of stride 1 with few filters, whose gradients are two matrix products on a CPU.

    TensorFlow's own kernels for these gradients take two to three times as long where a hundred channels go in
    and eight come out (measured on two AVX2 cores); on a GPU its kernels stay.
    """

    def convolution_op(self, inputs, kernel):
        """[B, H, W, C] with a kernel [k, k, C, filters] -> [B, H, W, filters]."""
        if tf.config.list_logical_devices("GPU"):
            return super().convolution_op(inputs, kernel)
        return _convolve_narrow(inputs, tf.convert_to_tensor(kernel))


@tf.custom_gradient
def _convolve_narrow(inputs, kernel):
    def gradients(upstream):
        # Both need only the window of the output's gradient around each pixel.
        size, _, channels, filters = kernel.shape
        window = tf.image.extract_patches(upstream, [1, size, size, 1], [1] * 4, [1] * 4, "SAME")
        window = tf.reshape(window, [-1, size * size * filters])
        flipped = tf.transpose(kernel[::-1, ::-1], [0, 1, 3, 2])
        by_inputs = tf.matmul(window, tf.reshape(flipped, [-1, channels]))
        by_kernel = tf.matmul(tf.reshape(inputs, [-1, channels]), window, transpose_a=True)
        by_kernel = tf.transpose(tf.reshape(by_kernel, [channels, size, size, filters]), [1, 2, 0, 3])
        return tf.reshape(by_inputs, tf.shape(inputs)), by_kernel[::-1, ::-1]

    return tf.nn.conv2d(inputs, kernel, 1, "SAME"), gradients


class SeededDropout(keras.layers.Layer):
    """Dropout that is a pure function of the seed in force (see `dropout_seed`) and of its own number.

    Keras's Dropout keeps a hidden state that checkpoints do not save, so a resumed run would drop other units.
    """

    def __init__(self, rate: float, number: int, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.number = rate, number

    def call(self, inputs, training=None):
        """Zeroes a share `rate` of [B, H, W, C] in training and scales the rest; identity otherwise."""
        if not training:
            return inputs
        seed = tf.random.experimental.stateless_fold_in(_current_seed(), self.number)
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed)

    def get_config(self):
        """The layer's arguments."""
        return {**super().get_config(), "rate": self.rate, "number": self.number}


@contextlib.contextmanager
def dropout_seed(seed):
    """Within this block SeededDropout draws from `seed` (int32 [2], a tensor or two numbers)."""
    previous = getattr(_scope, "seed", None)
    _scope.seed = seed
    try:
        yield
    finally:
        _scope.seed = previous


def _current_seed():
    seed = getattr(_scope, "seed", None)
    if seed is None:  # someone else's training loop: fresh dropout at every call, as Keras's own
        return tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
    return tf.cast(tf.convert_to_tensor(seed), tf.int32)
