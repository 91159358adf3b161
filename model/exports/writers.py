"""Writes a network as a SavedModel, an ONNX model or a TFLite model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from densenet_ocr.model.exports.lines_graph import make_lines_call
from densenet_ocr.model.exports.saved_model_graph import make_module
from densenet_ocr.model.network.float16_weights import pack_weights
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.exports.export_info import MODEL_FILES, WEIGHTS
from densenet_ocr.pipeline.exports.line_engine import INPUT, OUTPUT
from densenet_ocr.pipeline.exports.quiet import quiet
from densenet_ocr.pipeline.packages import explain_missing

# The newest operator set that tf2onnx 1.17 writes is 18; onnxruntime runs 13 as fast, and older ones read it.
OPSET = 13

NORMALISATION = "grey / 255 - 0.5"


def write_saved_model(network: KerasInferenceModel, folder: str) -> None:
    """Writes saved_model.pb and variables/ with one signature, serving_default."""
    module = make_module(network)
    # Without functions of gradients, because an export is not trained.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with quiet():
        tf.saved_model.save(module, storage.local_path(folder), {"serving_default": module.serve}, options)


def write_onnx(network: KerasInferenceModel, folder: str, calibration: Sequence[np.ndarray] = ()) -> None:
    """Writes model.onnx.

    Its input is `lines`, float32 [B, H, W, 1]; its outputs are `logits`, float32 [B, T, classes], and `best`
    and `probability` (see add_likeliest). B and W are free.

    Args:
      network: The network.
      folder: Folder of the export.
      calibration: Representative lines, uint8 [H, W] each, for int8; without any the model is float32.
    """
    with explain_missing():
        import onnx
        from tf2onnx import convert

        from densenet_ocr.model.exports import onnx_graph, quantisation  # import onnx

    spec, call = _lines_spec(network), make_lines_call(network, equalised=bool(calibration))
    function = tf.function(lambda lines: {OUTPUT: call(lines)}, input_signature=[spec], autograph=False)
    with quiet():
        model, _ = convert.from_function(function, [spec], opset=OPSET)
    onnx_graph.pair_rows(model, channels_last=bool(calibration))
    if calibration:
        onnx_graph.classify_by_product(model)
        with quiet():
            model = quantisation.quantise(model, list(map(_to_batch, calibration)))
    onnx_graph.add_likeliest(model)
    onnx_graph.name_dimensions(model.graph.input[0], {0: "B", 2: "W"})
    onnx_graph.name_dimensions(model.graph.output[0], {0: "B", 1: "T"})
    _describe(model, network)
    onnx.checker.check_model(model, full_check=True)
    storage.write_atomically(_path(folder, "onnx"), model.SerializeToString())


def write_float16(network: KerasInferenceModel, folder: str) -> None:
    """Writes model.onnx as `write_onnx` does, and beside it its weights as float16 (see float16_graph)."""
    with explain_missing():
        import onnx

        from densenet_ocr.model.exports import float16_graph, onnx_graph  # import onnx
    model = float16_graph.make_float16_model(network.model, network.info.geometry, opset=OPSET)
    onnx_graph.add_likeliest(model)
    _describe(model, network)
    storage.write_atomically(storage.join(folder, WEIGHTS), pack_weights(network.model))
    path = _path(folder, "onnx")
    storage.write_atomically(path, model.SerializeToString(deterministic=True))
    # By its path, for the weights beside it.
    onnx.checker.check_model(storage.local_path(path), full_check=True)


def write_tflite(network: KerasInferenceModel, folder: str, calibration: Sequence[np.ndarray] = ()) -> None:
    """Writes model.tflite, from `lines` to `logits`, and lines uint8 [H, W]; arguments as for `write_onnx`."""
    spec, call = _lines_spec(network), make_lines_call(network, equalised=bool(calibration))
    concrete = tf.function(call, input_signature=[spec], autograph=False).get_concrete_function()
    # From the Keras model itself the converter aborts the process.
    with quiet():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if calibration:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([_to_batch(line)] for line in calibration)
    with quiet():
        data = converter.convert()
    storage.write_atomically(_path(folder, "tflite"), data)


def _describe(model: Any, network: KerasInferenceModel) -> None:
    """Writes the reader's contract into an onnx.ModelProto."""
    from onnx.helper import set_model_props

    properties = {
        "charset": network.info.charset.characters,
        "height": str(network.info.geometry.height),
        "normalisation": NORMALISATION,
    }
    set_model_props(model, properties)


def _lines_spec(network: KerasInferenceModel) -> tf.TensorSpec:
    """Normalised lines of the model's height, float32 [B, H, W, 1]."""
    return tf.TensorSpec([None, network.info.geometry.height, None, 1], tf.float32, INPUT)


def _to_batch(line: np.ndarray) -> np.ndarray:
    """uint8 [H, W] -> float32 [1, H, W, 1], normalised."""
    return images.normalise(line)[None, ..., None]


def _path(folder: str, format: str) -> str:
    return storage.join(folder, MODEL_FILES[format])
