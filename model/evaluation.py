"""Scores of a model over a whole split: every line once, on any number of replicas."""

import time

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from model.densenet import call_densenet
from model.distribution import distribute, sum_over_replicas
from model.first_lines import FirstLines
from model.metrics import Scores, score_batch
from model.network import KerasNetwork
from model.picture import draw_readings
from model.reader import Reader
from model.run_folder import load_model
from pipeline.charset import Charset
from pipeline.dataset import evaluation_input
from pipeline.dataset_info import DatasetInfo, load_dataset_info
from pipeline.errors import UserError
from pipeline.picture import save_png
from pipeline.progress import Progress


class Evaluator:
    """Scores one split of one data set as often as asked; the graph is built once."""

    def __init__(
        self,
        model: keras.Model,
        strategy: tf.distribute.Strategy,
        *,
        folder: str,
        info: DatasetInfo,
        split: str,
        batch_size: int,
    ):
        """Takes a model made in the strategy's scope; batch_size is global."""
        dataset = evaluation_input(
            folder=folder,
            info=info,
            split=split,
            batch_size=batch_size,
            replicas=strategy.num_replicas_in_sync,
            normalised=False,
        )
        self._batches = distribute(dataset, strategy)
        self._split, self._lines = split, info.splits[split].written

        def score_replica(batch):
            return score_batch(call_densenet(model, batch, training=False), batch)

        # One signature for all batches: labels of other lengths would have it traced anew.
        @tf.function(input_signature=[self._batches.element_spec])
        def score(batch):
            return sum_over_replicas(strategy, strategy.run(score_replica, args=(batch,)))

        self._score = score

    def run(self) -> Scores:
        """Scores every line of the split."""
        progress, sums = Progress(f"evaluate {self._split}", self._lines, "lines"), np.zeros(6)
        for batch in self._batches:
            sums += self._score(batch).numpy()
            progress.show(round(sums[0]))
        progress.close(round(sums[0]))
        return Scores.from_sums(sums)


def evaluate(
    *,
    model: str,
    data: str,
    split: str,
    checkpoint: str | None = None,
    batch_size: int = 64,
    picture: str | None = None,
    picture_lines: int = 16,
    font: str | None = None,
) -> dict:
    """Scores the run in folder `model` on one split of the data set in folder `data`.

    Returns {"split", "lines", "exact_match", "exact_match_95": [lo, hi], "cer", "seconds"}. With `picture` the
    split's first lines are drawn into that PNG file. Raises UserError where model and data do not fit.
    """
    start = time.monotonic()
    network, info = KerasNetwork(*load_model(model, checkpoint)), load_dataset_info(data)
    _check_same_lines(network.info, info, data)
    info.find_split(split)
    where = {"folder": data, "info": info, "split": split}
    scored = network.model if info.geometry.width else load_model(model, checkpoint, padded=True)[0]
    scores = Evaluator(scored, tf.distribute.get_strategy(), **where, batch_size=batch_size).run()
    if picture:
        first_lines = FirstLines(picture_lines, **where)
        save_png(draw_readings(first_lines.read(Reader(network)), font=font), picture)
    return {
        "split": split,
        "lines": scores.lines,
        "exact_match": scores.exact_match,
        "exact_match_95": list(scores.exact_match_95),
        "cer": scores.cer,
        "seconds": round(time.monotonic() - start, 2),
    }


def choose_validation(split: str | None, info: DatasetInfo) -> str | None:
    """The split that a training validates on: the one named, else `validation`, else `test`, else none."""
    if split:
        info.find_split(split)
        return split
    for name in ("validation", "test"):
        if name in info.splits:
            logging.info("validation: split %r of the data set", name)
            return name
    logging.warning("validation: none, the data set has no split 'validation' or 'test'; no early stopping")
    return None


def _check_same_lines(model: DatasetInfo, data: DatasetInfo, folder: str) -> None:
    _check_charset(model.charset, data.charset, folder)
    if model.geometry.height != data.geometry.height:
        raise UserError(
            f"image height of {folder}",
            received=data.geometry.height,
            expected=f"{model.geometry.height}, which the model was trained for",
            remedy="Convert the data with --image_height as the training data was.",
        )


def _check_charset(model_charset: Charset, data_charset: Charset, folder: str) -> None:
    """Raises UserError where a data set's classes are not the model's, or not the first of them."""
    if not model_charset.characters.startswith(data_charset.characters):  # --charset_mode=union appends some
        raise UserError(
            f"charset of {folder}",
            received=f"{data_charset.classes} classes, SHA-256 {data_charset.sha256[:12]}",
            expected=f"the model's {model_charset.classes} classes, SHA-256 {model_charset.sha256[:12]}",
            remedy="Convert the data with the charset.txt of the model's run.",
        )
