"""Transfer learning: initial weights and the charset of a training with --init_from.

The trunk's weights are copied. In the last layer each character has a column of the kernel and an element of
the bias, which are matched by character, not by class id; those of the blank stay those of the blank.
"""

import dataclasses

from absl import logging

from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.run.checkpoints import find_checkpoints
from densenet_ocr.model.training.run.run_folder import RunFolder
from densenet_ocr.model.training.weights import Weights, read_weights
from densenet_ocr.pipeline.charset import Charset, show_characters
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import count_rows

_MOST_SHOWN = 20  # characters in a message


def begin_with(config: TrainConfig, info: DatasetInfo, run: str) -> tuple[DatasetInfo, Weights | None]:
    """Reads the initial weights of a training.

    Args:
      config: The training's configuration; without `init_from` nothing is read.
      info: Description of the data set.
      run: Folder of the run. One with a checkpoint resumes from that, and `init_from` is not read.

    Returns:
      The data set with the charset of the run's model, and the initial weights, or None.

    Raises:
      UserError: data and `init_from` do not fit.
    """
    if not config.init_from:
        return info, None
    if find_checkpoints(RunFolder(run).checkpoints):
        return _extend_as_before(info, load_dataset_info(run).charset, config.charset_mode), None
    weights = read_weights(
        config.init_from,
        data=info.charset,
        charset_path=config.init_charset,
        charset_blank=config.charset_blank,
    )
    _check_height(weights, info)
    charset = choose_charset(weights, info.charset, config.charset_mode)
    return dataclasses.replace(info, charset=charset), weights


def choose_charset(weights: Weights, data: Charset, mode: str) -> Charset:
    """Returns the new model's charset: the data's, whose class ids the records have, or an extension of it.

    Args:
      weights: The initial weights.
      data: Charset of the data.
      mode: `fail` wants the same characters in both, in any order; `union` appends those that only `weights`
        has; `new` drops these and logs them.

    Raises:
      UserError: the charsets differ and `mode` is `fail`.
    """
    new, old = data.without(weights.charset), weights.charset.without(data)
    if mode == "fail" and (new or old):
        raise UserError(
            "charset of the data",
            received=f"{_count(new)} that {weights.name} lacks, and without {_count(old)} that it has",
            expected="the same characters in both, in any order",
            remedy="Set --charset_mode=union to keep the characters of both, or =new to keep only the data's.",
        )
    logging.info("%s: weights of %d characters copied", weights.name, len(data.characters) - len(new))
    if new:
        logging.info("%s: new weights for %s", weights.name, _count(new))
    if old and mode == "new":
        logging.warning("%s: %s dropped, because the data lack them", weights.name, _count(old))
    elif old:
        logging.info("%s: %s kept, which the data lack", weights.name, _count(old))
    return data.union(weights.charset) if mode == "union" else data


def _extend_as_before(info: DatasetInfo, charset: Charset, mode: str) -> DatasetInfo:
    """The data set with the charset of its run, which --charset_mode=union may have extended."""
    if mode == "union" and charset.characters.startswith(info.charset.characters):
        return dataclasses.replace(info, charset=charset)
    return info


def _check_height(weights: Weights, info: DatasetInfo) -> None:
    """Raises UserError where the last layer, which has weights for each row of features, does not fit."""
    rows, expected = count_rows(info.geometry.height), count_rows(weights.height)
    if rows != expected:
        raise UserError(
            "image height of the data",
            received=f"{info.geometry.height}, which makes {rows} rows of features",
            expected=f"{expected} rows, which the last layer of {weights.name} has weights for, as height "
            f"{weights.height} makes",
            remedy=f"Convert the data with --image_height={weights.height}, or train without --init_from.",
        )


def _count(characters: str) -> str:
    """A number of characters and the first of them, for messages."""
    shown = f": {show_characters(characters, _MOST_SHOWN)}" if characters else ""
    return f"{len(characters)} character{'' if len(characters) == 1 else 's'}{shown}"
