"""The batches of a training split, distributed over replicas, from any step on."""

import dataclasses
import functools

import tensorflow as tf
from absl import logging

from densenet_ocr.model.network.distribution import distribute
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.batches import WHOLE, Share
from densenet_ocr.pipeline.dataset import find_buckets
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.mixtures.mixed_input import count_mixed_steps, mixed_input
from densenet_ocr.pipeline.mixtures.mixture import Mixture
from densenet_ocr.pipeline.mixtures.windows import plan_windows


def warn_of_repeats(config: TrainConfig, mixture: Mixture) -> None:
    """Warns where a batch has more lines of a split than the split, whose lines it then has several times."""
    for part in mixture.parts:
        lines = part.info.find_split(config.train_split).written
        if config.batch_size * part.share > lines * sum(mixture.shares):
            logging.warning(
                "--batch_size=%d: split %r%s has %d lines, so each batch has lines more than once",
                config.batch_size,
                config.train_split,
                f" of {part.name}" if part.name else "",
                lines,
            )


@dataclasses.dataclass(frozen=True)
class TrainBatches:
    """The endless batches of one run; batch k is a pure function of the configuration, the data and k.

    Attributes:
      mixture: The data sets.
      info: Their metadata, with the charset of the model.
      config: Configuration.
      strategy: The replicas.
      share: This process's share of each batch.
      cache: Local folder for copies of remote shards, see training_input.
    """

    mixture: Mixture
    info: DatasetInfo
    config: TrainConfig
    strategy: tf.distribute.Strategy
    share: Share = WHOLE
    cache: str | None = None

    @functools.cached_property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch."""
        return self.config.epoch_steps or self._steps_per_pass

    @functools.cached_property
    def _steps_per_pass(self) -> int:
        replicas = self.strategy.num_replicas_in_sync
        return count_mixed_steps(self.mixture, self.config.train_split, self.config.batch_size, replicas)

    @property
    def lines_per_step(self) -> float:
        """Mean number of lines in a batch; lines of any width come in batches of several sizes."""
        if self.info.geometry.width or len(self.mixture.parts) > 1:
            return self.config.batch_size
        return self.info.find_split(self.config.train_split).written / self._steps_per_pass

    def start_at(self, step: int) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """Returns this process's share of the batches from step `step` of the run, from 0, on, distributed."""
        return distribute(self._make_dataset(step, self.share), self.strategy, self.share)

    def check_replicas(self, before: int) -> None:
        """Says what another number of replicas changes when a run is resumed.

        Args:
          before: Replicas that have trained so far; 0 if that is not known.

        Raises:
          UserError: the batches, of lines of any width, would have other lines.
        """
        now = self.strategy.num_replicas_in_sync
        if before in (0, now):
            return
        if self._find_sizes(before) != self._find_sizes(now):
            raise UserError(
                "replicas",
                received=f"{now}, where {before} have trained so far",
                expected=f"{before}, as batches of lines of any width have multiples of this number of lines",
                remedy=f"Resume with {before} replicas (devices times workers), or start another --run.",
            )
        logging.warning(
            "resuming with %d replicas, after training with %d: each step has the same lines as before, but "
            "batch norm computes its statistics over the lines of a replica, and dropout draws other numbers",
            now,
            before,
        )

    def _find_sizes(self, replicas: int) -> tuple[int, ...]:
        """Returns the lines of batches by their widths."""
        split, size = self.config.train_split, self.config.batch_size
        if self.info.geometry.width:
            return (size,)
        if len(self.mixture.parts) > 1:
            return plan_windows(self.mixture, split, size, replicas).sizes
        return tuple(bucket.size for bucket in find_buckets(self.info, split, size, replicas))

    def list_keys(self, step: int) -> list[str]:
        """Returns the keys of the lines, of all processes, of step `step` of the run, from 0."""
        batch = next(iter(self._make_dataset(step, WHOLE)))
        keys = batch[schema.KEY][batch[schema.WEIGHT] > 0].numpy()
        return [key.decode("utf-8", "replace") for key in keys]

    def _make_dataset(self, first_step: int, share: Share) -> tf.data.Dataset:
        return mixed_input(
            mixture=self.mixture,
            split=self.config.train_split,
            batch_size=self.config.batch_size,
            seed=self.config.seed,
            shuffle_buffer=self.config.shuffle_buffer,
            first_step=first_step,
            replicas=self.strategy.num_replicas_in_sync,
            augmentation=self.config.augmentation,
            normalised=False,  # uint8 is smaller to copy to the device
            share=share,
            cache=self.cache,
        )
