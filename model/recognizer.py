"""Reads lines: grey levels in, text and confidence out."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from model.ctc import decode_best_path
from model.densenet import call_densenet
from model.run_folder import load_model
from pipeline import images, schema
from pipeline.dataset_info import DatasetInfo
from pipeline.errors import Refused
from pipeline.frames import count_frames


class Reading(NamedTuple):
    """What a line says; confidences are from 0 to 1, the line's is the geometric mean of its characters'."""

    text: str
    confidence: float
    character_confidences: list[float]


class Reader:
    """Reads batches with a model, by the weights that it has at the time."""

    def __init__(self, model: keras.Model, info: DatasetInfo):
        """Takes a model (see build_densenet) and the description of the data that it is trained on."""
        self.model, self.info = model, info
        line = tf.TensorSpec([None, info.geometry.height, None, 1], tf.float32)
        self._decode = tf.function(self._decode_batch, input_signature=[line])

    def read_batch(self, levels: np.ndarray) -> Iterable[Reading]:
        """Reads lines of one size, uint8 [B, model's height, width], in order."""
        path = self._decode(images.normalise(levels)[..., None])
        for ids, confidences in zip(path.ids.to_list(), path.confidence.to_list(), strict=True):
            yield Reading(self.info.charset.decode(ids), geometric_mean(confidences), confidences)

    def _decode_batch(self, lines):
        batch = {schema.IMAGE: lines, schema.WIDTH: tf.repeat(tf.shape(lines)[2], tf.shape(lines)[0])}
        logits = call_densenet(self.model, batch, training=False)
        return decode_best_path(logits, tf.fill([tf.shape(logits)[0]], tf.shape(logits)[1]))


class Recognizer(Reader):
    """Reads with the weights of a run, by the image path that the training data went through."""

    def __init__(self, run: str, checkpoint: str | None = None):
        """Loads a run's best weights, or those of `checkpoint`; raises UserError where they are missing."""
        super().__init__(*load_model(run, checkpoint))

    def read(self, levels: np.ndarray) -> Reading:
        """Reads one line of uint8 grey levels [height, width]; another height is scaled to the model's."""
        return next(self.read_batch(self.prepare(levels)[None]))

    def prepare(self, levels: np.ndarray) -> np.ndarray:
        """The uint8 grey levels that the network gets, fitted as the lines that it was trained on were.

        A line longer than those keeps its length. Raises Refused for one too narrow for a frame.
        """
        geometry, fit = self.info.geometry, self.info.fit
        if fit == "resize":
            fitted = images.fit_line(levels, geometry, fit)
        else:
            fitted = images.fit_height(levels, geometry.height)
            if fit == "pad" and fitted.shape[1] < geometry.width:
                fitted = images.fit_line(fitted, geometry, fit)
        if count_frames(fitted.shape[1]) < 1:
            raise Refused("wrong_size", f"{fitted.shape[1]} pixels wide at the model's height, 7 make a frame")
        return fitted


def geometric_mean(confidences: list[float]) -> float:
    """The geometric mean of characters' confidences; 0 for an empty reading."""
    if not confidences or min(confidences) <= 0:
        return 0.0
    return math.exp(sum(map(math.log, confidences)) / len(confidences))
