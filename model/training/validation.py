"""Validation: loss and scores of a whole split, on any number of replicas."""

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from densenet_ocr.model.network.densenet import call_densenet
from densenet_ocr.model.network.distribution import distribute, sum_over_replicas
from densenet_ocr.model.network.metrics import Scores, score_batch
from densenet_ocr.model.training.config import NO_VALIDATION
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.run.run_config import load_run_config
from densenet_ocr.model.training.run.run_folder import RunFolder
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset import evaluation_input
from densenet_ocr.pipeline.mixtures.mixture import Mixture, Part
from densenet_ocr.pipeline.ui.progress import Progress


class Validator:
    """Scores every line of a data set's split; the graph is built once."""

    def __init__(self, batches: TrainBatches, model: keras.Model, part: Part, split: str):
        """Takes a training's batches, its model, made in the strategy's scope, the data set and the split."""
        strategy = batches.strategy
        dataset = evaluation_input(
            folder=part.folder,
            info=part.info,
            split=split,
            batch_size=batches.config.batch_size,
            replicas=strategy.num_replicas_in_sync,
            normalised=False,
            share=batches.share,
            cache=batches.cache,
            charset=batches.mixture.info.charset,
        )
        self._batches = distribute(dataset, strategy, batches.share)
        self._split, self._lines = split, part.info.splits[split].written

        def score_replica(batch: dict[str, tf.Tensor]) -> tf.Tensor:
            return score_batch(call_densenet(model, batch, training=False), batch)

        # One signature for all batches: labels of another length would cause a retrace.
        @tf.function(input_signature=[self._batches.element_spec], autograph=False)
        def score(batch: dict[str, tf.Tensor]) -> tf.Tensor:
            return sum_over_replicas(strategy, strategy.run(score_replica, args=(batch,)))

        self._score = score

    def sum(self) -> np.ndarray:
        """Returns the sums of score_batch over every line of the split, float64 [6]."""
        progress, sums = Progress(f"evaluate {self._split}", self._lines, "lines"), np.zeros(6)
        for batch in self._batches:
            sums += self._score(batch).numpy()
            progress.show(round(sums[0]))
        progress.close(round(sums[0]))
        return sums


class Validation:
    """The validation of a training, over the split of each data set that has it."""

    def __init__(self, batches: TrainBatches, model: keras.Model, split: str):
        """Takes the batches of a training, its model, made in the strategy's scope, and the split."""
        parts = list_validated(batches.mixture, split)
        self._validators = {part.name: Validator(batches, model, part, split) for part in parts}

    def run(self) -> tuple[Scores, dict[str, Scores]]:
        """Scores every line; returns the scores of all lines, and in a mixture those of each data set."""
        sums = {name: validator.sum() for name, validator in self._validators.items()}
        apart = {name: Scores.from_sums(each) for name, each in sums.items() if name}
        return Scores.from_sums(np.sum(list(sums.values()), axis=0)), apart


def list_validated(mixture: Mixture, split: str) -> list[Part]:
    """Returns the data sets that have a split."""
    return [part for part in mixture.parts if split in part.info.splits]


def choose_validation(split: str | None, mixture: Mixture, run: RunFolder | None = None) -> str | None:
    """Returns the split that a training validates on; None for none.

    Args:
      split: The one that is asked for, or `none`. None takes the run's own choice, if there is a run; else
        `validation`, else `test`, if the data have it.
      mixture: The data sets. Those that have the split are validated, the others are named in a warning.
      run: The run; None for none.

    Raises:
      UserError: no data set has the split.
    """
    chosen = _choose_split(split, mixture, run)
    if chosen:
        validated = list_validated(mixture, chosen)
        for part in mixture.parts:
            if part not in validated:
                logging.warning("validation: none of %s, which has no split %r", part.folder, chosen)
    return chosen


def _choose_split(split: str | None, mixture: Mixture, run: RunFolder | None) -> str | None:
    if split is None and run and storage.exists(run.config):
        return load_run_config(run.config).training.validation_split
    if split == NO_VALIDATION:
        return None
    if split:
        if not list_validated(mixture, split):
            mixture.check_split(split)
        return split
    for name in ("validation", "test"):
        if list_validated(mixture, name):
            logging.info("validation: split %r of the data set", name)
            return name
    logging.warning("validation: none, the data set has no split 'validation' or 'test'; no early stopping")
    return None
