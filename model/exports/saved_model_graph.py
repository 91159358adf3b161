"""The graph of a SavedModel: functions of image files and of grey levels."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from densenet_ocr.model.network.ctc import decode_best_path
from densenet_ocr.model.network.densenet import build_for
from densenet_ocr.model.network.layers import plain_convolutions
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.graph.images import decode_batch, normalise


def make_module(network: KerasInferenceModel) -> tf.Module:
    """Makes the functions that pipeline.exports.saved_model_engine calls, and `serve`, which takes image files.

    They compute with the network's own variables, which are the only ones that the module has.
    """
    geometry, fit = network.info.geometry, network.info.fit
    levels, widths = tf.TensorSpec([None, geometry.height, None], tf.uint8), tf.TensorSpec([None], tf.int32)
    call = _make_any_call(network)

    @tf.function(input_signature=[levels, widths], autograph=False)
    def compute_logits(levels: tf.Tensor, widths: tf.Tensor) -> tf.Tensor:
        return call(normalise(levels[..., None]), widths)

    @tf.function(input_signature=[levels, widths], autograph=False)
    def find_best_path(levels: tf.Tensor, widths: tf.Tensor) -> tuple[tf.RaggedTensor, ...]:
        return tuple(decode_best_path(compute_logits(levels, widths), geometry.count_frames(widths)))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "images")], autograph=False)
    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        levels, widths = decode_batch(images, geometry, fit, network.info.invert)
        logits, frames = compute_logits(levels, widths), geometry.count_frames(widths)
        texts, confidences = _spell(*decode_best_path(logits, frames)[:2], network.info.charset)
        return {"texts": texts, "confidences": confidences, "logits": logits, "frames": frames}

    module = tf.Module()
    module.variables_of_network = [variable.value for variable in network.model.variables]
    module.compute_logits, module.find_best_path, module.serve = compute_logits, find_best_path, serve
    return module


def _make_any_call(network: KerasInferenceModel) -> Callable:
    """A function of normalised lines, float32 [B, H, W, 1], and widths, int32 [B]; returns logits."""
    plain, padded = (build_for(network.info, padded=padded) for padded in (False, True))

    def compute(model: keras.Model, inputs: Any) -> tf.Tensor:
        """Computes with a model of the same size, and the network's variables in place of its own."""
        variables = list(zip(model.variables, network.model.variables, strict=True))
        with keras.StatelessScope(variables), plain_convolutions():
            return model(inputs, training=False)

    def call(image: tf.Tensor, widths: tf.Tensor) -> tf.Tensor:
        alike = tf.reduce_all(widths == tf.shape(image)[2])
        return tf.cond(alike, lambda: compute(plain, image), lambda: compute(padded, [image, widths]))

    return call


def _spell(ids: tf.RaggedTensor, confidence: tf.RaggedTensor, charset: Charset) -> tuple[tf.Tensor, tf.Tensor]:
    """Texts, string [B], and their confidences, float32 [B], of classes and confidences, ragged [B, None]."""
    characters = tf.constant([character.encode() for character in charset.characters])
    texts = tf.strings.reduce_join(ids.with_flat_values(tf.gather(characters, ids.flat_values)), axis=1)
    mean = tf.exp(tf.reduce_mean(tf.math.log(confidence), axis=1))
    return texts, tf.where(ids.row_lengths() > 0, mean, 0)
