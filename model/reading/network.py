"""A network that reads: grey levels in, logits or their best path out, whatever computes them."""

import functools
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.ctc import decode_best_path
from densenet_ocr.model.network.densenet import build_densenet, call_densenet
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding import BestPath
from densenet_ocr.pipeline.frames import count_frames


class Network(Protocol):
    """What reads batches: a model in memory, or an export of one."""

    name: str  # where it was loaded from
    info: DatasetInfo  # charset, geometry and fit of the lines that it was trained on
    train_split: str  # which of that data set's splits it was trained on
    takes_padding: bool  # whether a batch may have lines of several widths

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """Logits float32 [B, T, classes] of uint8 [B, H, W] whose lines are `widths`, int32 [B], wide.

        Behind a line's (width + 1) // 8 frames stands anything.
        """

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """The reading of the same."""


class KerasNetwork:
    """A model in memory (see build_densenet), by the weights that it has at the time."""

    takes_padding = True

    def __init__(
        self,
        model: keras.Model,
        info: DatasetInfo,
        *,
        name: str = "model",
        weights: str = "",
        train_split: str = "",
    ):
        """Takes a model, the description of the data it was trained on, and what is known of its origin."""
        self.model, self.info = model, info
        self.name, self.weights, self.train_split = name, weights, train_split
        levels = tf.TensorSpec([None, info.geometry.height, None], tf.uint8)
        spec = [levels, tf.TensorSpec([None], tf.int32)]
        self._one_width = tf.function(self._call_plain, input_signature=spec)
        self._any_width = tf.function(self._call_padded, input_signature=spec)
        self._read_one_width = tf.function(_reading(self._call_plain), input_signature=spec)
        self._read_any_width = tf.function(_reading(self._call_padded), input_signature=spec)

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """See Network."""
        call = self._one_width if _are_equal(levels, widths) else self._any_width
        return call(levels, np.asarray(widths, np.int32)).numpy()

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """See Network."""
        call = self._read_one_width if _are_equal(levels, widths) else self._read_any_width
        return call(levels, np.asarray(widths, np.int32))

    def _call_plain(self, levels, widths):
        return call_densenet(self.model, _make_batch(levels, widths), training=False)

    def _call_padded(self, levels, widths):
        return call_densenet(self._padded, _make_batch(levels, widths), training=False)

    @functools.cached_property
    def _padded(self) -> keras.Model:
        """The model, or another one with its weights, that lines in one batch may be padded for."""
        if len(self.model.inputs) > 1:
            return self.model
        geometry, classes = self.info.geometry, self.info.charset.classes
        with tf.init_scope():
            padded = build_densenet(height=geometry.height, classes=classes, padded=True)
            padded.set_weights(self.model.get_weights())
        return padded


def _reading(call):
    return lambda levels, widths: decode_best_path(call(levels, widths), count_frames(widths))


def _make_batch(levels, widths) -> dict:
    return {schema.IMAGE: levels[..., None], schema.WIDTH: widths}


def _are_equal(levels: np.ndarray, widths: np.ndarray) -> bool:
    return bool(np.all(np.asarray(widths) == levels.shape[2]))
