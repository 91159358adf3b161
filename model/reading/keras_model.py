"""Inference with a Keras model in memory."""

import functools

import keras
import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.ctc import decode_best_path
from densenet_ocr.model.network.densenet import build_for, call_densenet
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.best_path import BestPath


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
        compiled = functools.partial(tf.function, input_signature=spec, autograph=False)
        self._compute = [compiled(functools.partial(self._call, padded)) for padded in (False, True)]
        self._read = [compiled(functools.partial(self._decode, padded)) for padded in (False, True)]

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """See InferenceModel."""
        return self._compute[_are_padded(levels, widths)](levels, np.asarray(widths, np.int32)).numpy()

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """See InferenceModel."""
        return self._read[_are_padded(levels, widths)](levels, np.asarray(widths, np.int32))

    def _call(self, padded: bool, levels: tf.Tensor, widths: tf.Tensor) -> tf.Tensor:
        """Logits, float32 [B, T, classes], of levels uint8 [B, H, W] and widths int32 [B]."""
        batch = {schema.IMAGE: levels[..., None], schema.WIDTH: widths}
        return call_densenet(self._padded if padded else self.model, batch, training=False)

    def _decode(self, padded: bool, levels: tf.Tensor, widths: tf.Tensor) -> BestPath:
        """The characters of levels uint8 [B, H, W] with widths int32 [B]."""
        logits = self._call(padded, levels, widths)
        return decode_best_path(logits, self.info.geometry.count_frames(widths))

    @functools.cached_property
    def _padded(self) -> keras.Model:
        """The model itself if it masks padding, else a copy of its weights in a network that does."""
        if len(self.model.inputs) > 1:
            return self.model
        with tf.init_scope():
            padded = build_for(self.info, padded=True)
            padded.set_weights(self.model.get_weights())
        return padded


def _are_padded(levels: np.ndarray, widths: np.ndarray) -> bool:
    """Whether a line of levels uint8 [B, H, W] is padded, by widths int32 [B]."""
    return bool(np.any(np.asarray(widths) != levels.shape[2]))
