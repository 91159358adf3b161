"""Loads a network to read with: from a run, an export, or weights of the original notebook.

Keras is imported by the functions that need it: an ONNX export is read without TensorFlow and Keras.
"""

from densenet_ocr.model.reading.config import ModelConfig, WeightsConfig
from densenet_ocr.model.training.run.run_config import load_run_config
from densenet_ocr.model.training.run.run_folder import RunFolder, load_run_info
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.charsets.charset_file import read_charset
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.engines import PACKAGES, load_export
from densenet_ocr.pipeline.exports.export_info import WEIGHTS, has_weights, is_export, load_export_info
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.inference_model import InferenceModel
from densenet_ocr.pipeline.packages import explain_missing


def load_network(path: str, checkpoint: str | None = None) -> InferenceModel:
    """Loads a run or an export.

    Args:
      path: Folder of the run or export, its URL, or the name of a shipped model.
      checkpoint: Weights file of the run; by default the best epoch's.

    Raises:
      UserError: a part is missing or damaged, or `checkpoint` is given for an export.
    """
    if is_export(path):
        _check_no_checkpoint(path, checkpoint)
        return load_export(path)
    return _load_run(path, checkpoint)


def _check_no_checkpoint(path: str, checkpoint: str | None) -> None:
    if checkpoint:
        raise UserError(
            "checkpoint",
            received=repr(checkpoint),
            expected=f"none, because {path} is an export, which has one set of weights",
            remedy="Leave --checkpoint out, or name the run.",
        )


def load_keras_network(config: ModelConfig) -> InferenceModel:
    """Loads what `choose_network` does, but a float16 export into Keras, so that it can be exported again."""
    path = config.model
    if not (path and has_weights(path)):
        return choose_network(config)
    _check_no_checkpoint(path, config.checkpoint)
    with explain_missing():
        from densenet_ocr.model.reading.keras_model import KerasInferenceModel
        from densenet_ocr.model.training.weights import load_export_model
    model, info = load_export_model(path)
    train_split = load_export_info(path).train_split
    return KerasInferenceModel(model, info, name=path, weights=WEIGHTS, train_split=train_split)


def _load_run(path: str, checkpoint: str | None) -> InferenceModel:
    load_run_info(path)  # first, so that a wrong path is an error without Keras, too
    with explain_missing():
        from densenet_ocr.model.reading.keras_model import KerasInferenceModel
        from densenet_ocr.model.training.run.weights_files import find_weights
        from densenet_ocr.model.training.weights import load_model
    model, info = load_model(path, checkpoint)
    run, name = RunFolder(path), f"{path} ({checkpoint})" if checkpoint else path
    weights = find_weights(run, checkpoint)
    train_split = load_run_config(run.config).training.train_split
    return KerasInferenceModel(model, info, name=name, weights=weights, train_split=train_split)


def load_keras2(weights: str, *, charset: Charset, height: int) -> InferenceModel:
    """Loads a weights file of Keras 2 for lines of `height` pixels (see load_keras2_model)."""
    with explain_missing():
        from densenet_ocr.model.keras2.weights import load_keras2_model
        from densenet_ocr.model.reading.keras_model import KerasInferenceModel
    model, info = load_keras2_model(weights, charset=charset, height=height)
    return KerasInferenceModel(model, info, name=weights, weights=weights)


def needs_tensorflow(config: WeightsConfig) -> bool:
    """Returns whether TensorFlow computes the model that flags name: it does all but ONNX exports.

    Raises:
      UserError: the path is neither a run nor an export.
    """
    if config.model and is_export(config.model):
        return PACKAGES[load_export_info(config.model).format] == "tensorflow"
    if config.model:
        load_run_info(config.model)
    return True


def choose_network(config: ModelConfig) -> InferenceModel:
    """Loads the network that flags name; raises UserError."""
    if config.model:
        return load_network(config.model, config.checkpoint)
    charset = read_charset(config.charset or "", config.charset_blank)
    return load_keras2(config.weights or "", charset=charset, height=config.image_height or Geometry().height)


def load_for_data(config: WeightsConfig, data: str) -> InferenceModel:
    """Loads the model that flags name; weights of Keras 2 get charset and height of the data set in `data`.

    Raises:
      UserError: a part is missing or damaged.
    """
    if config.model:
        return load_network(config.model, config.checkpoint)
    info = load_dataset_info(data)
    return load_keras2(config.weights or "", charset=info.charset, height=info.geometry.height)
