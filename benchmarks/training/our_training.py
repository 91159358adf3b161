"""Our training as benchmarks.training.speed measures it: the parts of training.trainer.Trainer, on one device.

Configuration is the default one but for the batch size. Left out is what no step needs: the callbacks, which
are called twice a step but act at the end of an epoch, checkpoints and validation.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import keras

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.network.devices import set_up_devices
from densenet_ocr.model.network.distribution import choose_strategy, distribute
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.model.training.optimizers import make_optimizer
from densenet_ocr.model.training.step import make_step
from densenet_ocr.pipeline.dataset import count_steps, training_input
from densenet_ocr.pipeline.dataset_info import load_dataset_info


class Parts(NamedTuple):
    """A new model, its endless batches (see pipeline.schema.parse), and the compiled step: batch -> loss."""

    model: keras.Model
    batches: Iterator[dict]
    step: Callable


def build(data: str, batch_size: int) -> Parts:
    """The parts that Trainer makes for the data set in folder `data`, before TensorFlow's first operation."""
    set_up_devices(DeviceConfig())
    training, info, strategy = (
        TrainConfig(batch_size=batch_size),
        load_dataset_info(data),
        choose_strategy("one"),
    )
    split, seed, buffer = training.train_split, training.seed, training.shuffle_buffer
    with strategy.scope():
        model = build_densenet(height=info.geometry.height, classes=info.charset.classes, seed=seed)
        optimizer = make_optimizer(training, count_steps(info, split, batch_size))
        optimizer.build(model.trainable_variables)
    dataset = training_input(
        folder=data,
        info=info,
        split=split,
        batch_size=batch_size,
        seed=seed,
        shuffle_buffer=buffer,
        normalised=False,
    )
    dataset = distribute(dataset, strategy)
    step = make_step(model, optimizer, strategy, training, dataset.element_spec)
    return Parts(model, iter(dataset), step)


class Steps(NamedTuple):
    """Seconds that steps took, seconds of these that they waited for input, and each step's loss."""

    seconds: float
    waited: float
    losses: list[float]


def run_steps(parts: Parts, count: int) -> Steps:
    """Trains as Trainer does: no step waits for the loss of the one before, the clock for that of the last."""
    losses, waited, start = [], 0.0, time.monotonic()
    for _ in range(count):
        asked = time.monotonic()
        batch = next(parts.batches)
        waited += time.monotonic() - asked
        losses.append(parts.step(batch))
    losses = [float(loss.mean) for loss in losses]
    return Steps(time.monotonic() - start, waited, losses)
