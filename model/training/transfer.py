"""The transfer of a trained model's weights into a new one, whose characters may be others or in another order.

The trunk's weights are taken as they are. In the last layer each character has a column of the kernel and a
number of the bias; these travel by character, never by class id, and the blank's travel as the blank's.
"""

import dataclasses
import os

import keras
import numpy as np
from absl import logging

from densenet_ocr.model.keras2.weights import check_classes, count_rows, is_old_weights, read_old_weights
from densenet_ocr.model.network.densenet import layers_with_weights
from densenet_ocr.model.training.checkpoints import find_checkpoints
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.run_folder import RunFolder, load_model
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset, read_charset, show_characters
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.frames import STRIDE, count_frames

SHOWN = 20  # characters in a message


@dataclasses.dataclass(frozen=True)
class Source:
    """A trained model of our network: where it came from, its characters, its images' height, and its weights.

    `layers` has the float32 arrays of each layer that has any, in the network's order, each layer's as Keras
    lists them: kernel and bias; gamma, beta, moving mean and moving variance. The last layer's are a kernel
    [rows * channels, classes] and a bias [classes].
    """

    name: str
    charset: Charset
    height: int
    layers: list[list[np.ndarray]]

    def place(self, model: keras.Model, charset: Charset) -> None:
        """Gives its weights to a model with the classes of `charset`; new characters keep what they have."""
        *trunk, head = layers_with_weights(model)
        for layer, arrays in zip(trunk, self.layers[:-1], strict=True):
            layer.set_weights(arrays)
        head.set_weights(
            [
                _carry_classes(old, new, self.charset, charset)
                for old, new in zip(self.layers[-1], head.get_weights(), strict=True)
            ]
        )


def begin_with(training: TrainConfig, info: DatasetInfo, run: str) -> tuple[DatasetInfo, Source | None]:
    """The data set with the characters of the run's model, and the model that it begins with, if any.

    A run that has a checkpoint goes on from that, and what it began with is not read again. Raises UserError
    where data and `training.init_from` do not fit.
    """
    if not training.init_from:
        return info, None
    if find_checkpoints(RunFolder(run).checkpoints):
        return _extend_as_before(info, load_dataset_info(run).charset, training.charset_mode), None
    source = read_source(training.init_from, data=info.charset, charset_path=training.init_charset)
    _check_height(source, info)
    charset = choose_charset(source, info.charset, training.charset_mode)
    return dataclasses.replace(info, charset=charset), source


def read_source(path: str, *, data: Charset, charset_path: str | None = None) -> Source:
    """Reads a run's best weights, or its last epoch's, or a weights file inside a run, or one of Keras 2.

    The latter's characters are those of the file `charset_path`, by default those of `data`, if it has as many
    classes. Raises UserError for what cannot be read.
    """
    run = _find_run_of(path)
    if not run:
        return _read_old_source(path, data, charset_path)
    if charset_path:
        raise UserError(
            "init_charset",
            received=repr(charset_path),
            expected=f"none, as the run {run} knows its characters",
            remedy="Leave it out: it is for weights of the original notebook.",
        )
    model, info = load_model(run, None if run == path else path)
    layers = [layer.get_weights() for layer in layers_with_weights(model)]
    return Source(path, info.charset, info.geometry.height, layers)


def choose_charset(source: Source, data: Charset, mode: str) -> Charset:
    """The new model's characters: the data's, whose classes stay as the records have them, or more of them.

    `fail` raises UserError where data and source do not have the same characters, in whatever order; `union`
    appends those that only the source has; `new` drops these, and the log names them.
    """
    new, old = data.without(source.charset), source.charset.without(data)
    if mode == "fail" and (new or old):
        raise UserError(
            "charset of the data",
            received=f"{_count(new)} that {source.name} lacks, and without {_count(old)} of its own",
            expected="the same characters in both, in any order",
            remedy="Set --charset_mode=union to keep all of both, or =new to keep the data's alone.",
        )
    logging.info("%s: %d characters taken over", source.name, len(data.characters) - len(new))
    if new:
        logging.info("%s: lacks %s, which begin anew", source.name, _count(new))
    if old and mode == "new":
        logging.warning("%s: %s dropped, which the data lack", source.name, _count(old))
    elif old:
        logging.info("%s: %s kept, which the data lack", source.name, _count(old))
    return data.union(source.charset) if mode == "union" else data


def _find_run_of(path: str) -> str | None:
    """The run that a path names, or that a weights file is in; None for a file of any other kind."""
    if not path.endswith((".h5", ".hdf5")) or storage.is_folder(path):
        return path
    run = os.path.normpath(storage.join(os.path.dirname(storage.local_path(path)), ".."))
    return run if storage.exists(RunFolder(run).config) and not is_old_weights(path) else None


def _read_old_source(path: str, data: Charset, charset_path: str | None) -> Source:
    layers = read_old_weights(path)
    classes = len(layers[-1][1])
    if not charset_path and classes != data.classes:
        raise UserError(
            f"weights {path}",
            received=f"a last layer of {classes} classes, and no charset",
            expected=f"the {data.classes} classes of the data, whose characters would be taken for its own",
            remedy="Name the charset that they were trained with: --init_charset=FILE.",
        )
    charset = read_charset(charset_path) if charset_path else data
    check_classes(path, layers, charset)
    told = charset_path or f"the data, as it has their {classes} classes; --init_charset names others"
    logging.info("%s: weights of Keras 2, with the characters of %s", path, told)
    return Source(path, charset, STRIDE * count_rows(layers), layers)


def _extend_as_before(info: DatasetInfo, charset: Charset, mode: str) -> DatasetInfo:
    """The data set with the characters of its run, which may have appended some."""
    if mode == "union" and charset.characters.startswith(info.charset.characters):
        return dataclasses.replace(info, charset=charset)
    return info


def _check_height(source: Source, info: DatasetInfo) -> None:
    """The trunk takes any height; the last layer has weights for each row of features that reaches it."""
    rows, expected = count_frames(info.geometry.height), count_frames(source.height)
    if rows != expected:
        raise UserError(
            "image height of the data",
            received=f"{info.geometry.height}, which makes {rows} rows of features",
            expected=f"{expected} rows, for which the last layer of {source.name} was trained, as "
            f"{source.height} makes",
            remedy=f"Convert the data with --image_height={source.height}, or train without --init_from.",
        )


def _carry_classes(old: np.ndarray, new: np.ndarray, old_charset: Charset, charset: Charset) -> np.ndarray:
    """`new` [..., classes] with the numbers of `old` [..., old classes] for shared characters and the blank."""
    shared = [character for character in charset.characters if character in old_charset]
    carried = new.copy()
    carried[..., [*charset.encode(shared), charset.blank]] = old[
        ..., [*old_charset.encode(shared), old_charset.blank]
    ]
    return carried


def _count(characters: str) -> str:
    shown = f": {show_characters(characters, SHOWN)}" if characters else ""
    return f"{len(characters)} character{'' if len(characters) == 1 else 's'}{shown}"
