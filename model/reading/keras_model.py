"""Inference with a Keras model in memory."""

import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.ctc import decode_best_path
from densenet_ocr.model.network.densenet import build_for, call_densenet
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.best_path import BestPath
from densenet_ocr.pipeline.geometry import Geometry


class KerasInferenceModel:
    """Reads with a Keras model in memory (see build_densenet), with its weights at the time of a call."""

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
        """Wraps a model.

        Args:
          model: A network of build_densenet.
          info: Description of the data that it was trained on.
          name: What messages call it.
          weights: Path of its weights file, if any.
          train_split: The split that it was trained on, if known.
        """
        self.model, self.info = model, info
        self.name, self.weights, self.train_split = name, weights, train_split
        levels = tf.TensorSpec([None, info.geometry.height, None], tf.uint8)
        spec = [levels, tf.TensorSpec([None], tf.int32)]
        self._one_width = tf.function(self._call_plain, input_signature=spec, autograph=False)
        self._any_width = tf.function(self._call_padded, input_signature=spec, autograph=False)
        self._read_one_width = tf.function(
            _decode_logits_of(self._call_plain, info.geometry), input_signature=spec, autograph=False
        )
        self._read_any_width = tf.function(
            _decode_logits_of(self._call_padded, info.geometry), input_signature=spec, autograph=False
        )

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """See InferenceModel."""
        call = self._one_width if _are_equal(levels, widths) else self._any_width
        return call(levels, np.asarray(widths, np.int32)).numpy()

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """See InferenceModel."""
        call = self._read_one_width if _are_equal(levels, widths) else self._read_any_width
        return call(levels, np.asarray(widths, np.int32))

    def _call_plain(self, levels: tf.Tensor, widths: tf.Tensor) -> tf.Tensor:
        return call_densenet(self.model, _make_batch(levels, widths), training=False)

    def _call_padded(self, levels: tf.Tensor, widths: tf.Tensor) -> tf.Tensor:
        return call_densenet(self._padded, _make_batch(levels, widths), training=False)

    @functools.cached_property
    def _padded(self) -> keras.Model:
        """The model itself if it masks padding, else a copy of its weights in a network that does."""
        if len(self.model.inputs) > 1:
            return self.model
        with tf.init_scope():
            padded = build_for(self.info, padded=True)
            padded.set_weights(self.model.get_weights())
        return padded


def _decode_logits_of(
    call: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], geometry: Geometry
) -> Callable[[tf.Tensor, tf.Tensor], BestPath]:
    return lambda levels, widths: decode_best_path(call(levels, widths), geometry.count_frames(widths))


def _make_batch(levels: tf.Tensor, widths: tf.Tensor) -> dict[str, tf.Tensor]:
    """A batch of the input pipeline of levels uint8 [B, H, W] and widths int32 [B]."""
    return {schema.IMAGE: levels[..., None], schema.WIDTH: widths}


def _are_equal(levels: np.ndarray, widths: np.ndarray) -> bool:
    """Whether no line of levels uint8 [B, H, W] is padded."""
    return bool(np.all(np.asarray(widths) == levels.shape[2]))
