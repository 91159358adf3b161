"""What the network needs beside Keras's own layers: fused batch norm, a narrow convolution, seeded dropout."""

import contextlib
import itertools
import threading

import keras
import tensorflow as tf

from densenet_ocr.model.network.devices import has_wide_vectors

_scope = threading.local()


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch norm over the last axis, by TensorFlow's fused kernel: the same weights and results.

    Keras 3 spells it out in single operations on the TensorFlow backend, each of which crosses the memory.
    """

    def call(self, inputs, columns=None, training=None):
        """Normalises [B, H, W, C], by batch statistics in training and by moving ones otherwise.

        With `columns`, bool [B, W], those where it is False are left out of the statistics and become 0.
        """
        if columns is None:
            return self._apply(inputs, training)
        pixels = tf.repeat(columns[:, None], tf.shape(inputs)[1], axis=1)
        if not (training and self.trainable):
            return tf.where(pixels[..., None], self._apply(inputs, training), 0)
        # The pixels inside alone, as one line, are what the fused kernel takes.
        places = tf.where(tf.reshape(pixels, [-1]))[:, 0]
        packed = _pack(inputs, places)
        return _unpack(self._apply(packed[None, None], training)[0, 0], places, tf.shape(inputs))

    def _apply(self, inputs, training):
        if not (training and self.trainable):
            return self._normalise(inputs, self.moving_mean, self.moving_variance)[0]
        outputs, mean, variance = self._normalise(inputs, None, None)
        samples = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], variance.dtype)
        # The kernel returns the unbiased variance; Keras averages the biased one.
        self._move(self.moving_mean, mean, samples)
        self._move(self.moving_variance, variance * (samples - 1) / samples, samples)
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

    def _move(self, moving, batch, samples):
        moved = moving * self.momentum + batch * (1.0 - self.momentum)
        # A replica may have rows that fill up a batch and no line, of which the kernel's statistics are NaN.
        moving.assign(tf.where(samples > 0, moved, moving))


def _pack(inputs, places):
    """The rows of [..., C] at these places, int64 [N], of all dimensions but the last: [N, C]."""

    @tf.custom_gradient
    def pack(inputs):
        rows = tf.reshape(inputs, [-1, inputs.shape[-1]])
        return tf.gather(rows, places), lambda upstream: _unpack(upstream, places, tf.shape(inputs))

    return pack(inputs)


def _unpack(packed, places, shape):
    """Zeros of a shape [..., C] with rows [N, C] at these places, int64 [N]."""

    @tf.custom_gradient
    def unpack(packed):
        rows = tf.stack([tf.reduce_prod(shape[:-1]), shape[-1]])
        whole = tf.scatter_nd(places[:, None], packed, tf.cast(rows, tf.int64))
        return tf.reshape(whole, shape), lambda upstream: _pack(upstream, places)

    return unpack(packed)


class LineStart(keras.layers.Layer):
    """Puts lines that were padded to one width where the first convolution, 5x5 of stride 2, has them alone.

    That convolution's 'same' padding begins one column earlier for an odd width than for an even one.
    """

    def call(self, image, width):
        """[B, H, W, 1] and widths int32 [B] -> [B, H, W or W + 1, 1], 0 outside of each line."""
        columns = tf.shape(image)[2]
        image = tf.where(tf.sequence_mask(width, columns)[:, None, :, None], image, 0)
        even = tf.pad(image, [[0, 0], [0, 0], [0, columns % 2], [0, 0]])
        odd = tf.pad(image, [[0, 0], [0, 0], [1, 0], [0, 0]])[:, :, : tf.shape(even)[2]]
        return tf.where((width % 2 == 1)[:, None, None, None], odd, even)


class LineColumns(keras.layers.Layer):
    """Which columns of a feature map belong to a line, after the strides before it."""

    def call(self, features, width):
        """[B, H, W, C] and the lines' widths at this map, int32 [B] -> bool [B, W]."""
        return tf.sequence_mask(width, tf.shape(features)[2])


class NarrowConvolution(keras.layers.Conv2D):
    """A 'same' convolution of stride 1 with few filters, by faster means on a CPU; results are the same.

    Kernels of 512 bits leave half of their lanes idle where eight channels come out, so two columns are
    computed as one of twice the filters (1.4 times as fast). TensorFlow's gradients take 1.5 to 3 times as long
    as the matrix products here. Measured on two cores with 64 to 184 channels; on a GPU TensorFlow's kernels
    stay.
    """

    def convolution_op(self, inputs, kernel):
        """[B, H, W, C] with a kernel [k, k, C, filters], k odd -> [B, H, W, filters]."""
        if tf.config.list_logical_devices("GPU") or getattr(_scope, "plain", False):
            return super().convolution_op(inputs, kernel)
        return _convolve_narrow(inputs, tf.convert_to_tensor(kernel))


@contextlib.contextmanager
def plain_convolutions():
    """Within this block NarrowConvolution is Keras's, for graphs that other machines or engines compute."""
    before = getattr(_scope, "plain", False)
    _scope.plain = True
    try:
        yield
    finally:
        _scope.plain = before


@tf.custom_gradient
def _convolve_narrow(inputs, kernel):
    def gradients(upstream):
        # Both need only the window of the output's gradient around each pixel.
        size, _, channels, filters = kernel.shape
        window = tf.reshape(_gather_windows(upstream, size), [-1, size * size * filters])
        flipped = tf.transpose(kernel[::-1, ::-1], [0, 1, 3, 2])
        by_inputs = tf.matmul(window, tf.reshape(flipped, [-1, channels]))
        by_kernel = tf.matmul(tf.reshape(inputs, [-1, channels]), window, transpose_a=True)
        by_kernel = tf.transpose(tf.reshape(by_kernel, [channels, size, size, filters]), [1, 2, 0, 3])
        return tf.reshape(by_inputs, tf.shape(inputs)), by_kernel[::-1, ::-1]

    if has_wide_vectors():
        return _convolve_column_pairs(inputs, kernel), gradients
    return tf.nn.conv2d(inputs, kernel, 1, "SAME"), gradients


def _convolve_column_pairs(inputs, kernel):
    """The convolution with kernel [k, k, C, filters], of which one step makes two columns of the output."""
    half = kernel.shape[0] // 2
    lines, height, width = tf.unstack(tf.shape(inputs)[:3])
    left, right = (tf.pad(kernel, [[0, 0], padding, [0, 0], [0, 0]]) for padding in ([0, 1], [1, 0]))
    # For an odd width the last pair has a column too many, which reads one more of the padding.
    padding = [[0, 0], [half, half], [half, half + 1], [0, 0]]
    pairs = tf.nn.conv2d(inputs, tf.concat([left, right], -1), [1, 2], padding)
    return tf.reshape(pairs, [lines, height, -1, kernel.shape[-1]])[:, :, :width]


def _gather_windows(inputs, size: int):
    """The size x size pixels around each one, row by row: [B, H, W, C] -> [B, H, W, size * size * C].

    Equals tf.image.extract_patches, in half of its time.
    """
    height, width = tf.unstack(tf.shape(inputs)[1:3])
    padded = tf.pad(inputs, [[0, 0], [size // 2] * 2, [size // 2] * 2, [0, 0]])
    taps = itertools.product(range(size), repeat=2)
    return tf.concat([padded[:, i : i + height, j : j + width] for i, j in taps], axis=-1)


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
        kept = _draw_uint16(tf.shape(inputs), seed) >= round(self.rate * 2**16)
        return inputs * tf.where(kept, tf.cast(1 / (1 - self.rate), inputs.dtype), 0)

    def get_config(self):
        """The layer's arguments."""
        return {**super().get_config(), "rate": self.rate, "number": self.number}


def _draw_uint16(shape, seed):
    """Uniform 16-bit numbers of a shape whose last dimension is even, in half the time that floats take."""
    half = tf.concat([shape[:-1], [shape[-1] // 2]], axis=0)
    pairs = tf.random.stateless_uniform(half, seed, minval=None, maxval=None, dtype=tf.uint32)
    return tf.reshape(tf.bitcast(pairs, tf.uint16), shape)


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
