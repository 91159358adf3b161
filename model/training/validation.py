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
from densenet_ocr.pipeline.batches import WHOLE, Share
from densenet_ocr.pipeline.dataset import evaluation_input
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.ui.progress import Progress


class Validator:
    """Scores every line of a split; the graph is built once."""

    def __init__(
        self,
        model: keras.Model,
        strategy: tf.distribute.Strategy,
        *,
        folder: str,
        info: DatasetInfo,
        split: str,
        batch_size: int,
        share: Share = WHOLE,
        cache: str | None = None,
    ):
        """Takes a model made in the strategy's scope; batch_size is global, `share` is that of this process."""
        dataset = evaluation_input(
            folder=folder,
            info=info,
            split=split,
            batch_size=batch_size,
            replicas=strategy.num_replicas_in_sync,
            normalised=False,
            share=share,
            cache=cache,
        )
        self._batches = distribute(dataset, strategy, share)
        self._split, self._lines = split, info.splits[split].written

        def score_replica(batch: dict[str, tf.Tensor]) -> tf.Tensor:
            return score_batch(call_densenet(model, batch, training=False), batch)

        # One signature for all batches: labels of another length would cause a retrace.
        @tf.function(input_signature=[self._batches.element_spec])
        def score(batch: dict[str, tf.Tensor]) -> tf.Tensor:
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


def make_validator(batches: TrainBatches, model: keras.Model) -> Validator | None:
    """Returns what validates a training on these batches; None where it does not validate."""
    split = batches.config.validation_split
    if split is None:
        return None
    return Validator(
        model,
        batches.strategy,
        folder=batches.folder,
        info=batches.info,
        split=split,
        batch_size=batches.config.batch_size,
        share=batches.share,
        cache=batches.cache,
    )


def choose_validation(split: str | None, info: DatasetInfo, run: RunFolder) -> str | None:
    """Returns the split that a training validates on; None for none.

    Args:
      split: The one that is asked for, or `none`. None takes the run's own choice, if there is a run; else
        `validation`, else `test`, if the data have it.
      info: Description of the data set.
      run: The run.
    """
    if split is None and storage.exists(run.config):
        return load_run_config(run.config).training.validation_split
    if split == NO_VALIDATION:
        return None
    if split:
        info.find_split(split)
        return split
    for name in ("validation", "test"):
        if name in info.splits:
            logging.info("validation: split %r of the data set", name)
            return name
    logging.warning("validation: none, the data set has no split 'validation' or 'test'; no early stopping")
    return None
