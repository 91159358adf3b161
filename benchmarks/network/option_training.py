"""Trains the networks of benchmarks.network.options on one thread."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.network.option_lines import Variant
from densenet_ocr.model.network.densenet import call_densenet, count_parameters
from densenet_ocr.model.network.devices import set_up_devices
from densenet_ocr.model.network.distribution import choose_strategy
from densenet_ocr.model.network.metrics import Scores, score_batch
from densenet_ocr.model.training.config import PRESETS, DeviceConfig, TrainConfig
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.network import Network, build_network
from densenet_ocr.model.training.step import make_step
from densenet_ocr.pipeline.dataset import evaluation_input
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.mixtures.mixture import load_mixture

_ONE_THREAD = DeviceConfig(intra_op_threads=1, inter_op_threads=1)
_WARM_UP, _TIMED = 3, 2


def time_steps(
    variants: Sequence[Variant], data: dict[int, str], *, batch_size: int, rounds: int
) -> list[list[float]]:
    """Times the training steps of several networks in turn.

    Args:
      variants: The networks.
      data: Data sets by height.
      batch_size: Lines of a step.
      rounds: Measurements of each.

    Returns:
      CPU seconds of a step, by round and network. Other processes' turns on the core do not count.
    """
    set_up_devices(_ONE_THREAD)
    calls = []
    for variant in variants:
        batches, _, step = _build(variant, data[variant.height], batch_size, steps=1)
        # Always the same batch: the input is the same for all.
        calls.append(functools.partial(step, next(iter(batches.start_at(0)))))
    for call in calls:
        _time(call, _WARM_UP)
    return [[_time(call, _TIMED) for call in calls] for _ in range(rounds)]


def train(variant: Variant, data: str, weights: str, *, batch_size: int, steps: int) -> dict[str, Any]:
    """Trains a network, reads the test lines with its averaged weights, and saves these.

    Args:
      variant: The network.
      data: Its data set.
      weights: Path of the weights file.
      batch_size: Lines of a step.
      steps: Steps, over which the learning rate falls to 0.

    Returns:
      Steps, scores and parameters of the network that reads.
    """
    set_up_devices(_ONE_THREAD)
    batches, network, step = _build(variant, data, batch_size, steps)
    endless = iter(batches.start_at(0))
    for done in range(1, steps + 1):
        loss = step(next(endless)).mean
        if done % 100 == 0:
            print(f"step {done} of {steps}, loss {float(loss):.3f}", flush=True)
    with network.average.applied():
        scores = _evaluate(network.model, data)
        network.model.save_weights(weights)
    parameters = count_parameters(network.model)[0]
    found = {"exact_match": round(scores.exact_match, 4), "cer": round(scores.cer, 4)}
    return {"steps": steps, **found, "parameters": parameters}


def _build(variant: Variant, data: str, batch_size: int, steps: int) -> tuple[TrainBatches, Network, Callable]:
    preset = {**PRESETS["recommended"], "batch_size": batch_size, "warmup_steps": min(100, steps - 1)}
    config = TrainConfig(
        seed=variant.seed, second_head=variant.second_head, epochs=1, epoch_steps=steps, **preset
    )
    mixture, strategy = load_mixture(data), choose_strategy("one")
    batches = TrainBatches(mixture, mixture.info, config, strategy)
    network = build_network(batches, None)
    spec = batches.start_at(0).element_spec
    step = make_step(network.trained, network.optimizer, strategy, config, spec, network.average)
    return batches, network, step


def _time(call: Callable, steps: int) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    for _ in range(steps):
        result = call()
    float(result.mean)
    return (time.process_time() - start) / steps


def _evaluate(model: keras.Model, data: str) -> Scores:
    batches = evaluation_input(folder=data, info=load_dataset_info(data), split="test", batch_size=50)
    score = tf.function(lambda batch: score_batch(call_densenet(model, batch, training=False), batch))
    return Scores.from_sums(np.sum([score(batch).numpy() for batch in batches], axis=0))
