"""The trainings of benchmarks.training.time_to_accuracy, which check their reading as they train."""

import sys
import time
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.densenet import call_densenet
from densenet_ocr.model.network.distribution import choose_strategy
from densenet_ocr.model.network.metrics import Scores, score_batch
from densenet_ocr.model.training.config import PRESETS, TrainConfig
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.network import build_network
from densenet_ocr.model.training.step import make_step
from densenet_ocr.pipeline.dataset import evaluation_input
from densenet_ocr.pipeline.mixtures.mixture import load_mixture

# Lines of a batch of the test; where the first is this far below the target, the others are not read.
_TEST_BATCH, _FAR = 100, 0.15


class Training(NamedTuple):
    """One training of the benchmark.

    Attributes:
      preset: Name of its preset.
      seed: Seed of initial weights, order and dropout.
      images: Greatest number of images.
      check: Images between two checks.
      target: Exact match that ends it.
      changes: Fields of TrainConfig that differ from the preset.
    """

    preset: str
    seed: int
    images: int
    check: int
    target: float
    changes: dict[str, Any]


class Reached(NamedTuple):
    """Result of a training: its images and CPU minutes, and the exact match of the last check."""

    images: int
    minutes: float
    exact_match: float


def train(training: Training, data: str) -> Reached:
    """Trains with a preset, and ends with the first check that reaches the target.

    Args:
      training: Preset, seed, target and length.
      data: Data set with the splits train and test.

    Returns:
      Images and CPU minutes of training, without the checks, and the exact match of the last check.
    """
    loop = _Loop(training, data)
    seconds, exact_match = 0.0, 0.0
    while loop.images < training.images and exact_match < training.target:
        start = time.process_time()
        loss = loop.train(training.check)
        seconds += time.process_time() - start
        exact_match = loop.read(training.target)
        print(
            f"{training.preset}, seed {training.seed}: {loop.images:,} images, {seconds / 60:.1f} CPU min, "
            f"loss {loss:.3f}, exact match {exact_match:.3f}",
            file=sys.stderr,
        )
    return Reached(loop.images, round(seconds / 60, 2), round(exact_match, 4))


class _Loop:
    """A training that can be stopped at any step to read the test lines."""

    def __init__(self, training: Training, data: str) -> None:
        config = _configure(training)
        mixture, strategy = load_mixture(data), choose_strategy("one")
        batches = TrainBatches(mixture, mixture.info, config, strategy)
        dataset = batches.start_at(0)
        network = build_network(batches, None)
        self.images = 0
        self._batch_size = config.batch_size
        self._batches = iter(dataset)
        self._average = network.average
        self._step = make_step(
            network.trained, network.optimizer, strategy, config, dataset.element_spec, network.average
        )
        self._step.get_concrete_function()  # traces
        self._test = list(
            evaluation_input(folder=data, info=mixture.info, split="test", batch_size=_TEST_BATCH)
        )
        self._score = tf.function(
            lambda batch: score_batch(call_densenet(network.model, batch, training=False), batch),
            autograph=False,
        )

    def train(self, images: int) -> float:
        """Trains on this many images, rounded up to whole batches; returns the last batch's loss."""
        for _ in range(-(-images // self._batch_size)):
            loss = self._step(next(self._batches)).mean
            self.images += self._batch_size
        return float(loss)

    def read(self, target: float) -> float:
        """Exact match of the averaged weights; of the first batch alone where that is far from the target."""
        with self._average.applied():
            sums = [self._score(self._test[0]).numpy()]
            if Scores.from_sums(sums[0]).exact_match >= target - _FAR:
                sums += [self._score(batch).numpy() for batch in self._test[1:]]
        return Scores.from_sums(np.sum(sums, axis=0)).exact_match


def _configure(training: Training) -> TrainConfig:
    values = {**PRESETS[training.preset], "epochs": 1, "seed": training.seed, **training.changes}
    steps = training.images // int(values.get("batch_size", TrainConfig.batch_size))
    return TrainConfig(**values, epoch_steps=steps)
