"""config.json of a run: the configuration of its training, its data set, and the command that started it."""

import dataclasses
import fractions
import json
import sys
from typing import Any

from absl import logging

from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig, LoggingConfig, TrainConfig
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.errors import UserError, damage_explained, value_errors
from densenet_ocr.pipeline.mixtures.sources import Source
from densenet_ocr.pipeline.ui import flags

# Settings that older versions do not know; they are written only if they are set.
_LATER = ("epoch_steps", "frame_stride", "second_head")


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """What resuming a run needs to know. The names of the fields, and those in them, are a file format.

    Attributes:
      training: Training configuration. Its `validation_split` is the one that the run has; None if it has none.
      data: Folder of the data set, or the data sets of a mixture.
      devices: Devices, memory and threads.
      checkpoints: When checkpoints are saved, and what is kept.
      logs: What TensorBoard gets.
      command: Command line that started the run; empty in older runs.
    """

    training: TrainConfig
    data: str | tuple[Source, ...]
    devices: DeviceConfig = dataclasses.field(default_factory=DeviceConfig)
    checkpoints: CheckpointConfig = dataclasses.field(default_factory=CheckpointConfig)
    logs: LoggingConfig = dataclasses.field(default_factory=LoggingConfig)
    command: tuple[str, ...] = dataclasses.field(default_factory=lambda: tuple(sys.argv))

    def save(self, path: str) -> None:
        """Writes the file in one atomic step."""
        content = {**dataclasses.asdict(self), "data": _data_to_json(self.data)}
        for name in _LATER:
            if not content["training"][name]:
                del content["training"][name]
        storage.write_atomically(path, json.dumps(content, indent=1).encode("utf-8", "backslashreplace"))


def load_run_config(path: str) -> RunConfig:
    """Reads config.json; settings that an older run lacks have their defaults.

    Raises:
      UserError: the file cannot be read, or is not the configuration of a training.
    """
    with damage_explained(
        f"run {path}",
        expected="the configuration of a training, as JSON",
        remedy="Restore the file from a copy of the run.",
    ):
        content = storage.read_json(path)
        with value_errors():
            return _from_json(content)


def _from_json(content: dict[str, Any]) -> RunConfig:
    training = {**content["training"]}
    augmentation = AugmentConfig(**training.pop("augmentation", {}))
    return RunConfig(
        training=TrainConfig(**training, augmentation=augmentation),
        data=_data_from_json(content["data"]),
        devices=DeviceConfig(**content.get("devices", {})),
        checkpoints=CheckpointConfig(**content.get("checkpoints", {})),
        logs=LoggingConfig(**content.get("logs", {})),
        command=tuple(content.get("command", ())),
    )


def _data_to_json(data: str | tuple[Source, ...]) -> str | list[dict[str, str]]:
    if isinstance(data, str):
        return storage.absolute(data)
    return [
        {"folder": storage.absolute(source.folder), "weight": str(source.weight), "name": source.name}
        for source in data
    ]


def _data_from_json(data: str | list[dict[str, str]]) -> str | tuple[Source, ...]:
    if isinstance(data, str):
        return data
    return tuple(Source(each["folder"], fractions.Fraction(each["weight"]), each["name"]) for each in data)


def check_resumable(run: str, old: TrainConfig, new: TrainConfig) -> None:
    """Raises UserError if a run cannot resume with a configuration. Only `epochs` may differ, and only rise."""
    before, now = _list_settings(old), _list_settings(new)
    changed = [name for name in now if now[name] != before[name]]
    if new.epochs > old.epochs:
        changed.remove("epochs")
        _log_raised_epochs(old, new)
    if changed:
        received, expected = (
            " ".join(flags.format_flag(name, settings[name]) for name in changed) for settings in (now, before)
        )
        raise UserError(
            f"run {run}",
            received=received,
            expected=f"{expected}, the settings of the run",
            remedy=f"Leave these flags out: ocr-train --run={run} resumes the run with its own. "
            "Name another --run to start a new one. Of the training's settings only --epochs may change, to a "
            "larger number.",
        )


def _list_settings(config: TrainConfig) -> dict[str, Any]:
    """Values by flags; a run without validation has `none`."""
    return {**flags.list_values(config), "validation_split": config.validation_split or "none"}


def _log_raised_epochs(old: TrainConfig, new: TrainConfig) -> None:
    if new.schedule == "constant":
        logging.info("--epochs=%d: raised from %d; the learning rate stays constant", new.epochs, old.epochs)
        return
    logging.warning(
        "--epochs=%d: raised from %d; the %s schedule now ends there, so the learning rate jumps up where the "
        "run resumes, and the weights will differ from those of a run that had %d epochs from the start",
        new.epochs,
        old.epochs,
        new.schedule,
        new.epochs,
    )
