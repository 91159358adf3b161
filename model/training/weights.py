"""Trained weights by the kind of file that holds them: a run, a weights file of a run, a file of Keras 2.

Training writes weights files, so their readers lie here; model.reading imports training, never the reverse.
"""

import dataclasses

import keras
import numpy as np
from absl import logging

from densenet_ocr.model.keras2.file import is_keras2_file
from densenet_ocr.model.keras2.weights import check_classes, count_head_rows, read_keras2_layers
from densenet_ocr.model.network.densenet import build_for, call_densenet, layers_with_weights
from densenet_ocr.model.network.float16_weights import unpack_weights
from densenet_ocr.model.training.run.run_folder import RunFolder, describe_path, load_run_info
from densenet_ocr.model.training.run.weights_files import find_weights, load_weights
from densenet_ocr.pipeline import schema, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.charsets.charset_file import FIRST_ROW, read_charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import (
    WEIGHTS,
    has_weights,
    is_export,
    load_export_info,
    load_lines_info,
    local_export,
)
from densenet_ocr.pipeline.exports.golden_line import check_golden
from densenet_ocr.pipeline.exports.shipped import name_shipped
from densenet_ocr.pipeline.geometry import ROW_STRIDE


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights of a trained network, with what gives them a meaning.

    Attributes:
      name: The path that they were read from.
      charset: Characters of the classes.
      height: Height in pixels of the lines that the network was trained on.
      layers: Arrays of each layer with weights, float32, in the network's order and each layer's in that of
        Keras: kernel, bias; or gamma, beta, moving mean, moving variance. The last layer has a kernel
        [rows * channels, classes] and a bias [classes].
    """

    name: str
    charset: Charset
    height: int
    layers: list[list[np.ndarray]]

    def place(self, model: keras.Model, charset: Charset) -> None:
        """Sets a model's weights; characters that these weights lack begin near the mean of all others.

        Args:
          model: A network of build_densenet for the same rows of features.
          charset: Characters of its classes. Columns of the last layer are matched by character.
        """
        *trunk, head = layers_with_weights(model)
        for layer, arrays in zip(trunk, self.layers[:-1], strict=True):
            layer.set_weights(arrays)
        pairs = zip(self.layers[-1], head.get_weights(), strict=True)
        head.set_weights([_copy_classes(old, new, self.charset, charset) for old, new in pairs])


def read_weights(
    path: str, *, data: Charset, charset_path: str | None = None, charset_blank: str = FIRST_ROW
) -> Weights:
    """Reads weights of any kind.

    Args:
      path: A run, whose best or else last epoch's weights are read; a file in a run's weights folder; a
        float16 export or the name of a shipped model; or a file of Keras 2.
      data: For a file of Keras 2 without `charset_path`: its charset, if the number of classes is the same.
      charset_path: Charset file of a file of Keras 2.
      charset_blank: Its row that stands for the blank.

    Raises:
      UserError: the file cannot be read, or does not go with the charset.
    """
    run = _find_run(path)
    if not run:
        return _read_keras2(path, data, charset_path, charset_blank)
    if charset_path:
        raise UserError(
            "init_charset",
            received=repr(charset_path),
            expected=f"none, because {run} has a charset",
            remedy="Leave it out: it is for weights of the original notebook.",
        )
    if has_weights(path):
        model, info = load_export_model(path)
    elif storage.exists(RunFolder(run).config):
        model, info = load_model(run, None if run == path else path)
    else:
        raise _refuse_path(path)
    layers = [layer.get_weights() for layer in layers_with_weights(model)]
    return Weights(path, info.charset, info.geometry.height, layers)


def load_model(
    path: str, checkpoint: str | None = None, *, padded: bool = False
) -> tuple[keras.Model, DatasetInfo]:
    """Loads the model of a run.

    Args:
      path: Folder of the run.
      checkpoint: A file in the run's weights folder, or the path of a weights file; by default the best
        epoch's, or the last epoch's in a run without validation.
      padded: Whether lines in a batch may be padded (see build_densenet).

    Returns:
      The model and the description of the data that it was trained on.

    Raises:
      UserError: something is missing or does not fit.
    """
    info = load_run_info(path)
    model = build_for(info, padded=padded)
    weights = find_weights(RunFolder(path), checkpoint)
    _check_charset(weights, path, info.charset)
    load_weights(model, weights)
    return model, info


def load_export_model(path: str) -> tuple[keras.Model, DatasetInfo]:
    """Loads the weights of a float16 export into a network.

    Args:
      path: Folder of the export, its URL, or the name of a shipped model.

    Returns:
      The model and the description of its lines.

    Raises:
      UserError: a file is missing or was changed, or the model does not reproduce its golden line.
    """
    with local_export(path) as (copy, export):
        info = load_lines_info(copy, export)
        model = build_for(info)
        file = storage.join(copy, WEIGHTS)
        unpack_weights(storage.read_bytes(file), model, file)
        check_golden(copy, info, lambda levels, _: _compute_logits(model, levels))
    return model, info


def _compute_logits(model: keras.Model, levels: np.ndarray) -> np.ndarray:
    """Logits, float32 [B, T, classes], of levels, uint8 [B, H, W]."""
    return call_densenet(model, {schema.IMAGE: levels[..., None]}, training=False).numpy()


def _refuse_path(path: str) -> UserError:
    """An error about a path of --init_from that is no run."""
    remedy = f"Check the path. Shipped models: {name_shipped()}."
    if is_export(path):
        origin = load_export_info(path).provenance.get("model", "")
        remedy = (
            f"Of exports only float16 trains. Name the run that it was made from{origin and f': {origin}'}."
        )
    return UserError(
        "init_from",
        received=f"{path!r}, {'an export' if is_export(path) else describe_path(path)}",
        expected="a run (a folder with config.json), a file in its folder weights, a float16 export, or "
        "weights of the original notebook (.h5, .hdf5)",
        remedy=remedy,
    )


def _check_charset(weights: str, path: str, charset: Charset) -> None:
    """Raises UserError for a weights file of another run with other characters: a file has classes alone."""
    run = _find_run(weights)
    if not run or not storage.exists(RunFolder(run).config):
        return
    other = load_run_info(run).charset
    if other != charset:
        raise UserError(
            f"weights {weights}",
            received=f"weights of the run {run}, with {other.classes} classes",
            expected=f"the characters of {path}, with {charset.classes} classes, in the same order",
            remedy=f"Read with --model={run}, or name a file of {path} by --checkpoint.",
        )


def _find_run(path: str) -> str | None:
    """The run that a path names, or that a weights file lies in; None for a file of Keras 2 or elsewhere."""
    name = path.partition("?")[0] if storage.is_web(path) else path
    if not name.endswith((".h5", ".hdf5")) or storage.is_folder(path):
        return path
    if is_keras2_file(path):
        return None
    run = storage.normalise(storage.join(storage.parent(path), ".."))
    return run if storage.exists(RunFolder(run).config) else None


def _read_keras2(path: str, data: Charset, charset_path: str | None, charset_blank: str) -> Weights:
    layers = read_keras2_layers(path)
    classes = len(layers[-1][1])
    if not charset_path and classes != data.classes:
        raise UserError(
            f"weights {path}",
            received=f"a last layer of {classes} classes, and no charset",
            expected=f"the {data.classes} classes of the data, whose charset would be used",
            remedy="Name the charset that they were trained with: --init_charset=FILE.",
        )
    charset = read_charset(charset_path, charset_blank) if charset_path else data
    check_classes(path, layers, charset)
    origin = charset_path or f"the data, because both have {classes} classes; --init_charset names another"
    logging.info("%s: weights of Keras 2, with the charset of %s", path, origin)
    return Weights(path, charset, ROW_STRIDE * count_head_rows(layers), layers)


def _copy_classes(old: np.ndarray, new: np.ndarray, old_charset: Charset, charset: Charset) -> np.ndarray:
    """`new` [..., classes] with the values of `old` [..., old classes] for shared characters and the blank.

    Other characters have their own initial values about the mean of the old characters: a softmax leaves the
    level of its logits free, and initial values about 0 may exceed all that the old classes have learned.
    """
    shared = "".join(character for character in charset.characters if character in old_charset)
    copied = new + old[..., : old_charset.blank].mean(-1, keepdims=True)
    places, old_places = ([*one.encode(shared), one.blank] for one in (charset, old_charset))
    copied[..., places] = old[..., old_places]
    return copied
