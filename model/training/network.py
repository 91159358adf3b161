"""The network of a training with its optimizer and moving average: all that has variables."""

from typing import NamedTuple

import keras
import tensorflow as tf
from absl import logging

from densenet_ocr.model.network.densenet import build_for, count_parameters
from densenet_ocr.model.network.precision import use_precision
from densenet_ocr.model.network.second_head import add_second_head
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.optimizers import MovingAverage, make_optimizer
from densenet_ocr.model.training.weights import Weights


class Network(NamedTuple):
    """Everything that has variables.

    Attributes:
      model: The network that is validated and saved.
      trained: The network that the steps train: `model`, or with a second head one that has its layers, too.
      optimizer: Optimizer of `trained`.
      average: Moving average of `trained`.
    """

    model: keras.Model
    trained: keras.Model
    optimizer: keras.optimizers.Optimizer
    average: MovingAverage

    @property
    def variables(self) -> list[tf.Variable]:
        """All variables, those that do not train included."""
        variables = [*self.trained.variables, *self.optimizer.variables]
        return [variable.value for variable in variables] + self.average.values


def build_network(batches: TrainBatches, source: Weights | None) -> Network:
    """Builds the model, with the weights of `source` if any, its optimizer and its moving average."""
    config, info = batches.config, batches.info
    with batches.strategy.scope(), use_precision(config.precision):
        model = build_for(info, seed=config.seed, padded=not info.geometry.width)
        if source:
            source.place(model, info.charset)
        optimizer = make_optimizer(config, batches.steps_per_epoch)
        trained = add_second_head(model, seed=config.seed) if config.second_head else model
        optimizer.build(trained.trainable_variables)
        average = MovingAverage(trained, config.ema_decay)
    if config.second_head:
        more = trained.count_params() - model.count_params()
        logging.info("second head: %d parameters, in training only", more)
    logging.info("parameters: %d, of which %d do not train", *count_parameters(model))
    return Network(model, trained, optimizer, average)
