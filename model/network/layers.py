"""Layers that Keras lacks: fused batch norm with masked columns, a narrow convolution, seeded dropout."""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from densenet_ocr.model.network.devices import has_wide_vectors


class _Scope(threading.local):
    """What the layers of a thread compute with, besides their inputs."""

    plain = False
    seed: Any = None


_scope = _Scope()


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch norm over the last axis by TensorFlow's fused kernel, with equal weights and results.

    On the TensorFlow backend Keras 3 computes it by single operations, each of which passes over the memory.
    """

    def call(
        self, inputs: tf.Tensor, columns: tf.Tensor | None = None, training: bool | None = None
    ) -> tf.Tensor:
        """Normalises by batch statistics in training, and by moving statistics otherwise.

        Args:
          inputs: Float [B, H, W, C].
          columns: bool [B, W]; columns with False are left out of the statistics and become 0.
          training: Whether the layer trains.

        Returns:
          Float [B, H, W, C].
        """
        if columns is None:
            return self._apply(inputs, training)
        pixels = tf.repeat(columns[:, None], tf.shape(inputs)[1], axis=1)
        if not (training and self.trainable):
            return tf.where(pixels[..., None], self._apply(inputs, training), 0)
        # The kernel gets the pixels of the columns that count, as one line.
        places = tf.where(tf.reshape(pixels, [-1]))[:, 0]
        packed = _pack(inputs, places)
        return _unpack(self._apply(packed[None, None], training)[0, 0], places, tf.shape(inputs))

    def _apply(self, inputs: tf.Tensor, training: bool | None) -> tf.Tensor:
        """Normalises all pixels of float [B, H, W, C], whose statistics it averages in training."""
        if not (training and self.trainable):
            moving = map(tf.convert_to_tensor, (self.moving_mean, self.moving_variance))
            return self._normalise(inputs, *moving)[0]
        outputs, mean, variance = self._normalise(inputs)
        samples = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], variance.dtype)
        # The kernel returns the unbiased variance; Keras averages the biased one.
        self._move(self.moving_mean, mean, samples)
        self._move(self.moving_variance, variance * (samples - 1) / samples, samples)
        return outputs

    def _normalise(
        self, inputs: tf.Tensor, mean: tf.Tensor | None = None, variance: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns float [B, H, W, C], mean and variance, [C] each: the given ones, else the batch's."""
        return tf.compat.v1.nn.fused_batch_norm(
            inputs,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=mean,
            variance=variance,
            epsilon=self.epsilon,
            is_training=mean is None,
        )

    def _move(self, moving: Any, batch: tf.Tensor, samples: tf.Tensor) -> None:
        """Moves an average, float [C], towards the figure of a batch with `samples` pixels, a scalar."""
        moved = moving * self.momentum + batch * (1.0 - self.momentum)
        # A replica may have only padding rows, of which the kernel's statistics are NaN.
        moving.assign(tf.where(samples > 0, moved, moving))


def _pack(inputs: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Gathers rows of [..., C] by their flat places, int64 [N]: [N, C]."""

    @tf.custom_gradient
    def pack(inputs: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        rows = tf.reshape(inputs, [-1, inputs.shape[-1]])
        return tf.gather(rows, places), lambda upstream: _unpack(upstream, places, tf.shape(inputs))

    return pack(inputs)


def _unpack(packed: tf.Tensor, places: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Scatters rows [N, C] to their flat places, int64 [N], in zeros of a shape [..., C]."""

    @tf.custom_gradient
    def unpack(packed: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        rows = tf.stack([tf.reduce_prod(shape[:-1]), shape[-1]])
        whole = tf.scatter_nd(places[:, None], packed, tf.cast(rows, tf.int64))
        return tf.reshape(whole, shape), lambda upstream: _pack(upstream, places)

    return unpack(packed)


class LineStart(keras.layers.Layer):
    """Moves padded lines to where the first convolution, 5x5 with stride 2, would see them without padding.

    The 'same' padding of that convolution starts one column earlier for an odd width than for an even one.
    """

    def call(self, image: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        """Moves lines of odd width by one column.

        Args:
          image: Float [B, H, W, 1].
          width: Widths of the lines, int32 [B].

        Returns:
          Float [B, H, W or W + 1, 1], 0 outside of each line.
        """
        columns = tf.shape(image)[2]
        image = tf.where(tf.sequence_mask(width, columns)[:, None, :, None], image, 0)
        even = tf.pad(image, [[0, 0], [0, 0], [0, columns % 2], [0, 0]])
        odd = tf.pad(image, [[0, 0], [0, 0], [1, 0], [0, 0]])[:, :, : tf.shape(even)[2]]
        return tf.where((width % 2 == 1)[:, None, None, None], odd, even)


class LineColumns(keras.layers.Layer):
    """Marks the columns of a feature map that belong to a line."""

    def call(self, features: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        """Marks columns.

        Args:
          features: Float [B, H, W, C].
          width: Widths of the lines in this feature map, int32 [B].

        Returns:
          bool [B, W].
        """
        return tf.sequence_mask(width, tf.shape(features)[2])


class NarrowConvolution(keras.layers.Conv2D):
    """A 'same' convolution with stride 1 and few filters, faster on a CPU, with equal results.

    With eight filters, half of a 512-bit vector is idle, so two columns are computed as one with twice the
    filters (1.4 times as fast). The gradients are matrix products; TensorFlow's own take 1.5 to 3 times as
    long. Measured on two cores with 64 to 184 channels. On a GPU TensorFlow's kernels are used.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolves float [B, H, W, C] with a kernel [k, k, C, filters], k odd: [B, H, W, filters]."""
        if tf.config.list_logical_devices("GPU") or _scope.plain:
            return super().convolution_op(inputs, kernel)
        return _convolve_narrow(inputs, tf.convert_to_tensor(kernel))


def plain_convolutions() -> contextlib.AbstractContextManager[None]:
    """Makes NarrowConvolution Keras's convolution in this block, for graphs of other machines or engines."""
    return _set_in_scope("plain", True)


@tf.custom_gradient
def _convolve_narrow(inputs: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Convolves float [B, H, W, C] with a kernel [k, k, C, filters]: [B, H, W, filters]."""

    def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
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


def _convolve_column_pairs(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolves [B, H, W, C] with a kernel [k, k, C, filters]; each step makes two columns of the output."""
    half = kernel.shape[0] // 2
    lines, height, width = tf.unstack(tf.shape(inputs)[:3])
    left, right = (tf.pad(kernel, [[0, 0], padding, [0, 0], [0, 0]]) for padding in ([0, 1], [1, 0]))
    # For an odd width the last pair has a column too many, which reads one more column of padding.
    padding = [[0, 0], [half, half], [half, half + 1], [0, 0]]
    pairs = tf.nn.conv2d(inputs, tf.concat([left, right], -1), [1, 2], padding)
    return tf.reshape(pairs, [lines, height, -1, kernel.shape[-1]])[:, :, :width]


def _gather_windows(inputs: tf.Tensor, size: int) -> tf.Tensor:
    """Gathers the size x size pixels around each pixel: [B, H, W, C] -> [B, H, W, size * size * C].

    Equals tf.image.extract_patches, in half of its time.
    """
    height, width = tf.unstack(tf.shape(inputs)[1:3])
    padded = tf.pad(inputs, [[0, 0], [size // 2] * 2, [size // 2] * 2, [0, 0]])
    taps = itertools.product(range(size), repeat=2)
    return tf.concat([padded[:, i : i + height, j : j + width] for i, j in taps], axis=-1)


class SeededDropout(keras.layers.Layer):
    """Dropout as a pure function of the current `dropout_seed` and of the layer's number.

    Keras's Dropout has a hidden state that checkpoints do not save, so a resumed run would drop other units.
    """

    def __init__(self, rate: float, number: int, **kwargs: Any) -> None:
        """Drops a share `rate` of the units; `number` differs between the layers of a network."""
        super().__init__(**kwargs)
        self.rate, self.number = rate, number

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Zeroes a share `rate` of float [B, H, W, C] in training and scales the rest; identity otherwise."""
        if not training:
            return inputs
        seed = tf.random.experimental.stateless_fold_in(_current_seed(), self.number)
        kept = _draw_uint16(tf.shape(inputs), seed) >= round(self.rate * 2**16)
        return inputs * tf.where(kept, tf.cast(1 / (1 - self.rate), inputs.dtype), 0)

    def get_config(self) -> dict[str, Any]:
        """Returns the layer's arguments."""
        return {**super().get_config(), "rate": self.rate, "number": self.number}


def _draw_uint16(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws uint16 numbers of a shape, the last one even, by a seed, int32 [2]; floats take twice as long."""
    half = tf.concat([shape[:-1], [shape[-1] // 2]], axis=0)
    pairs = tf.random.stateless_uniform(half, seed, minval=None, maxval=None, dtype=tf.uint32)
    return tf.reshape(tf.bitcast(pairs, tf.uint16), shape)


def dropout_seed(seed: Any) -> contextlib.AbstractContextManager[None]:
    """Makes SeededDropout draw from `seed` in this block: int32 [2], a tensor or two numbers."""
    return _set_in_scope("seed", seed)


@contextlib.contextmanager
def _set_in_scope(name: str, value: Any) -> Iterator[None]:
    before = getattr(_scope, name)
    setattr(_scope, name, value)
    try:
        yield
    finally:
        setattr(_scope, name, before)


def _current_seed() -> tf.Tensor:
    """The seed of this call, int32 [2]."""
    if _scope.seed is None:  # a training loop without seeds: fresh dropout at every call, as in Keras
        return tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
    return tf.cast(tf.convert_to_tensor(_scope.seed), tf.int32)
