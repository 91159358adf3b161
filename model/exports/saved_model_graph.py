"""What a SavedModel computes: the network in functions that take image files or grey levels."""

from collections.abc import Callable

import keras
import tensorflow as tf

from densenet_ocr.model.network.ctc import decode_best_path
from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.network.layers import plain_convolutions
from densenet_ocr.model.reading.inference_model import KerasInferenceModel
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.frames import count_frames
from densenet_ocr.pipeline.images_graph import decode_batch, normalise


def make_module(network: KerasInferenceModel) -> tf.Module:
    """The functions that pipeline.exports.saved_model calls, and `serve`, which takes image files.

    They compute with the network's own variables, of which the module holds nothing but these.
    """
    height, fit = network.info.geometry.height, network.info.fit
    levels, widths = tf.TensorSpec([None, height, None], tf.uint8), tf.TensorSpec([None], tf.int32)
    call, spell = _make_any_call(network), _make_speller(network.info.charset)

    @tf.function(input_signature=[levels, widths], autograph=False)
    def compute_logits(levels, widths):
        return call(normalise(levels[..., None]), widths)

    @tf.function(input_signature=[levels, widths], autograph=False)
    def find_best_path(levels, widths):
        return tuple(decode_best_path(compute_logits(levels, widths), count_frames(widths)))

    @tf.function(input_signature=[levels, widths], autograph=False)
    def read(levels, widths):
        return spell(*find_best_path(levels, widths)[:2])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "images")], autograph=False)
    def serve(images):
        levels, widths = decode_batch(images, network.info.geometry, fit)
        logits, frames = compute_logits(levels, widths), count_frames(widths)
        texts, confidences = spell(*decode_best_path(logits, frames)[:2])
        return {"texts": texts, "confidences": confidences, "logits": logits, "frames": frames}

    module = tf.Module()
    module.variables_of_network = [variable.value for variable in network.model.variables]
    module.compute_logits, module.find_best_path = compute_logits, find_best_path
    module.read, module.serve = read, serve
    return module


def _make_any_call(network: KerasInferenceModel) -> Callable:
    """float32 normalised lines [B, H, W, 1] and widths int32 [B] -> logits, padded lines or not."""
    plain, padded = (_build(network, padded=padded) for padded in (False, True))

    def call_plain(image):
        with _weights_of(network, plain), plain_convolutions():
            return plain(image, training=False)

    def call_padded(image, widths):
        with _weights_of(network, padded), plain_convolutions():
            return padded([image, widths], training=False)

    def call(image, widths):
        alike = tf.reduce_all(widths == tf.shape(image)[2])
        return tf.cond(alike, lambda: call_plain(image), lambda: call_padded(image, widths))

    return call


def _build(network: KerasInferenceModel, *, padded: bool) -> keras.Model:
    """A network of the same size, whose weights are to be replaced by those of `network`."""
    info = network.info
    return build_densenet(height=info.geometry.height, classes=info.charset.classes, padded=padded)


def _weights_of(network: KerasInferenceModel, model: keras.Model) -> keras.StatelessScope:
    """Within this block a model of `_build` computes with the network's variables."""
    return keras.StatelessScope(list(zip(model.variables, network.model.variables, strict=True)))


def _make_speller(charset: Charset) -> Callable:
    """Classes and confidences, ragged [B, None] -> texts string [B], confidences float32 [B]."""
    ragged = [tf.RaggedTensorSpec([None, None], dtype, 1, tf.int64) for dtype in (tf.int32, tf.float32)]

    @tf.function(input_signature=ragged, autograph=False)
    def spell(ids, confidence):
        characters = tf.constant([character.encode() for character in charset.characters])
        texts = tf.strings.reduce_join(ids.with_flat_values(tf.gather(characters, ids.flat_values)), axis=1)
        mean = tf.exp(tf.reduce_mean(tf.math.log(confidence), axis=1))
        return texts, tf.where(ids.row_lengths() > 0, mean, 0)

    return spell
