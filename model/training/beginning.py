"""The beginning of a training: its settings are checked, and the chief opens the run for all workers."""

import contextlib
import dataclasses
import hashlib
import json
import os
from typing import Any, NamedTuple

from absl import logging

from densenet_ocr.model.cluster.workers import Workers, join_workers
from densenet_ocr.model.network.distribution import check_batch_size, choose_strategy
from densenet_ocr.model.network.precision import warn_if_slow
from densenet_ocr.model.training.config import NO_VALIDATION, DeviceConfig, TrainConfig
from densenet_ocr.model.training.inputs import warn_of_repeats
from densenet_ocr.model.training.memory import check_memory, estimate_memory
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.run_folder import RunFolder, hold_run, open_run
from densenet_ocr.model.training.transfer import begin_with
from densenet_ocr.model.training.validation import choose_validation
from densenet_ocr.model.training.weights import Weights
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.mixtures.mixture import Mixture
from densenet_ocr.pipeline.ui import flags


class Beginning(NamedTuple):
    """What a training begins with.

    Attributes:
      config: Configuration, with the split that is validated on.
      info: Data set, with the charset of the model.
      source: Initial weights, if any; None also on workers other than the chief, which get its variables.
      folder: The run; None on workers other than the chief.
    """

    config: TrainConfig
    info: DatasetInfo
    source: Weights | None = None
    folder: RunFolder | None = None


def open_workers(devices: DeviceConfig) -> contextlib.AbstractContextManager[Workers]:
    """Returns the processes that train, for a `with`: this one, or all that the environment names."""
    if devices.strategy == "multi_worker":
        return join_workers(seconds=devices.worker_timeout)
    if os.environ.get("TF_CONFIG"):
        logging.warning("TF_CONFIG is set, but this process trains alone: --strategy=multi_worker uses it")
    return contextlib.nullcontext(Workers(choose_strategy(devices.strategy)))


def check_settings(config: TrainConfig, devices: DeviceConfig, workers: Workers, mixture: Mixture) -> None:
    """Raises UserError for settings that do not suit the devices or the data; warns of slow ones."""
    info = mixture.info
    mixture.check_split(config.train_split)
    check_batch_size(config.batch_size, workers.strategy)
    warn_if_slow(config.precision)
    _check_compiles(config, workers, info)
    widest = max((part.info for part in mixture.parts), key=lambda info: estimate_memory(config, info))
    check_memory(config, devices, workers.strategy, widest, processes=workers.share.count)
    warn_of_repeats(config, mixture)


def begin(
    workers: Workers, opened: contextlib.ExitStack, *, config: RunConfig, mixture: Mixture, run: str
) -> Beginning:
    """Opens the run on the chief, and checks that all workers train the same.

    Args:
      workers: The processes that train.
      opened: Closes the run when training ends.
      config: Configuration of the run.
      mixture: Its data sets.
      run: Folder of the run, or its URL.

    Raises:
      UserError: the run cannot be opened with these settings, or a worker has other ones.
    """
    training, info = config.training, mixture.info
    found = Beginning(training, info)

    def open_on_chief() -> dict[str, Any]:
        nonlocal found
        split = choose_validation(training.validation_split, mixture, RunFolder(run))
        chosen = dataclasses.replace(training, validation_split=split)
        held = opened.enter_context(hold_run(run))
        extended, source = begin_with(chosen, info, held.path)
        folder = open_run(held, dataclasses.replace(config, training=chosen), extended)
        found = Beginning(chosen, extended, source, folder)
        return {"settings": _describe(chosen, mixture), "charset": dataclasses.asdict(extended.charset)}

    shared = workers.share_result(open_on_chief)
    if not workers.is_chief:
        own, chiefs = training.validation_split, shared["settings"]["validation_split"]
        split = chiefs if own is None else own
        chosen = dataclasses.replace(training, validation_split=None if split == NO_VALIDATION else split)
        found = Beginning(chosen, dataclasses.replace(info, charset=Charset(**shared["charset"])))
    _check_equal(workers, _describe(found.config, mixture), shared["settings"])
    return found


def _describe(config: TrainConfig, mixture: Mixture) -> dict[str, Any]:
    """What has to be equal on all workers, by flags."""
    infos = [part.info for part in mixture.parts]
    data = repr(
        [mixture.shares]
        + [[i.charset, i.geometry, i.image_encoding, i.splits.get(config.train_split)] for i in infos]
    )
    settings = {**flags.list_values(config), "data": hashlib.sha256(data.encode()).hexdigest()}
    return json.loads(json.dumps(settings, default=str))


def _check_equal(workers: Workers, own: dict[str, Any], chief: dict[str, Any]) -> None:
    """Raises UserError on every worker if one of them has other settings than the chief."""
    changed = [name for name in own if own[name] != chief[name]]
    others = workers.count(bool(changed))
    if others:
        workers.part()
    if changed:
        received, expected = (
            " ".join(flags.format_flag(name, settings[name]) for name in changed) for settings in (own, chief)
        )
        raise UserError(
            f"worker {workers.share.index}",
            received=f"{received} (data by SHA-256)" if "data" in changed else received,
            expected=f"{expected}, as the chief has",
            remedy="Start all workers with the same flags and the same data set.",
        )
    if others:
        raise UserError(
            "workers",
            received=f"{others} of {workers.share.count} with other settings or data than the chief",
            expected="the same on all",
            remedy="Their logs name the settings. Start all workers with the same flags and the same data set.",
        )


def _check_compiles(config: TrainConfig, workers: Workers, info: DatasetInfo) -> None:
    """XLA compiles again for every width, and fails on replicas on CPUs (TensorFlow 2.16)."""
    replicas = workers.strategy.num_replicas_in_sync
    width = "one width" if info.geometry.width else "any width"
    if config.jit_compile and (replicas > 1 or not info.geometry.width):
        raise UserError(
            "jit_compile",
            received=f"True for lines of {width}, on {replicas} devices",
            expected="one device, and lines of one width",
            remedy="Leave --jit_compile out.",
        )
