"""The network of a training with its optimizer and moving average: all that has variables."""

from typing import NamedTuple

import keras
import tensorflow as tf
from absl import logging

from densenet_ocr.model.network.densenet import build_for, count_parameters
from densenet_ocr.model.network.precision import use_precision
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.optimizers import MovingAverage, make_optimizer
from densenet_ocr.model.training.weights import Weights


class Network(NamedTuple):
    """Everything that has variables."""

    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    average: MovingAverage

    @property
    def variables(self) -> list[tf.Variable]:
        """All variables, those that do not train included."""
        variables = [*self.model.variables, *self.optimizer.variables]
        return [variable.value for variable in variables] + self.average.values


def build_network(batches: TrainBatches, source: Weights | None) -> Network:
    """Builds the model, with the weights of `source` if any, its optimizer and its moving average."""
    config, info = batches.config, batches.info
    with batches.strategy.scope(), use_precision(config.precision):
        model = build_for(info, seed=config.seed, padded=not info.geometry.width)
        if source:
            source.place(model, info.charset)
        optimizer = make_optimizer(config, batches.steps_per_epoch)
        optimizer.build(model.trainable_variables)
        average = MovingAverage(model, config.ema_decay)
    logging.info("parameters: %d, of which %d do not train", *count_parameters(model))
    return Network(model, optimizer, average)
