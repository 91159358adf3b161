"""A run on disk: configuration, charset and data set beside the weights, so that a reader needs no more.

config.json  charset.txt  dataset.json  weights/  checkpoints/  history.csv  curves.png  tensorboard/
"""

import contextlib
import dataclasses
import json
import re

from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import FILE_NAME, DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import is_export

BEST = "best.weights.h5"
_EPOCH = re.compile(r"epoch-(\d+)\.weights\.h5")


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The places inside a run's folder."""

    path: str

    @property
    def config(self) -> str:
        """What the run was told."""
        return storage.join(self.path, "config.json")

    def read_settings(self) -> dict[str, object]:
        """The run's Training as JSON has it; what an older run does not tell was as it is by default."""
        try:
            told = json.loads(storage.read_bytes(self.config))["training"]
            return json.loads(json.dumps(dataclasses.asdict(TrainConfig()))) | told
        except (ValueError, LookupError, TypeError) as error:
            raise UserError(
                f"run {self.config}",
                received=f"{type(error).__name__}: {error}",
                expected="what a training was told, as JSON",
                remedy="Restore the file from a copy of the run.",
            ) from None

    @property
    def weights(self) -> str:
        """Folder of weights by epoch, and of the best."""
        return storage.join(self.path, "weights")

    @property
    def best(self) -> str:
        """Weights with the lowest validation loss."""
        return storage.join(self.weights, BEST)

    def weights_of(self, epoch: int) -> str:
        """Weights after an epoch, from 1."""
        return storage.join(self.weights, f"epoch-{epoch:04d}.weights.h5")

    def list_epochs(self) -> list[int]:
        """Returns the epochs that have a weights file, in order."""
        matches = map(_EPOCH.fullmatch, storage.list_names(self.weights))
        return sorted(int(match[1]) for match in matches if match)

    @property
    def checkpoints(self) -> str:
        """Folder of what resuming needs."""
        return storage.join(self.path, "checkpoints")

    @property
    def history(self) -> str:
        """Table of figures by epoch."""
        return storage.join(self.path, "history.csv")

    @property
    def curves(self) -> str:
        """Picture of that table."""
        return storage.join(self.path, "curves.png")

    @property
    def tensorboard(self) -> str:
        """Folder of TensorBoard's logs."""
        return storage.join(self.path, "tensorboard")


def open_run(
    path: str, *, config: TrainConfig, devices: DeviceConfig, data: str, info: DatasetInfo
) -> RunFolder:
    """Makes a run folder, or opens one begun with equal training and data; raises UserError otherwise."""
    run = RunFolder(path)
    if storage.exists(run.config):
        _check_equal(run, config, info)
        return run
    if storage.list_names(path):
        raise UserError(
            f"run {path}",
            received="a folder with other files and no config.json",
            expected="a new folder, or the folder of a run",
            remedy="Choose another --run.",
        )
    for folder in (path, run.weights, run.checkpoints):
        storage.make_folder(folder)
    info.save(path)
    info.charset.write(storage.join(path, "charset.txt"))
    content = {
        "training": dataclasses.asdict(config),
        "devices": dataclasses.asdict(devices),
        "data": data,
    }
    # Last, because a folder is a run once this file is there.
    storage.write_atomically(run.config, json.dumps(content, indent=1).encode())
    return run


def hold_run(path: str) -> contextlib.AbstractContextManager[None]:
    """Holds a run's folder within the block; raises UserError where another training does."""
    return storage.held(
        path,
        subject=f"run {path}",
        received="a second training, while another one writes there",
        remedy="Wait for the other one, or choose another --run.",
    )


def load_run_info(path: str) -> DatasetInfo:
    """Returns the description of a run's data set; raises UserError for a path that is no run."""
    if not storage.exists(RunFolder(path).config):
        raise UserError(
            f"model {path}",
            received=_describe_other(path),
            expected="the folder of a run (with config.json) or of an export (with export.json)",
            remedy="Name that folder. Weights of the original notebook are given by --weights=FILE.",
        )
    return load_dataset_info(path)


def _check_equal(run: RunFolder, training: TrainConfig, info: DatasetInfo) -> None:
    old = run.read_settings()
    new = json.loads(json.dumps(dataclasses.asdict(training)))
    changed = [name for name in new if old[name] != new[name]]
    if changed:
        raise UserError(
            f"run {run.path}",
            received=", ".join(f"--{name}={new[name]}" for name in changed),
            expected=", ".join(f"--{name}={old[name]}" for name in changed) + ", as the run was begun with",
            remedy="Give the same settings to resume it, or another --run to start a new one.",
        )
    trained_on = load_dataset_info(run.path)
    if dataclasses.replace(trained_on, provenance={}) != dataclasses.replace(info, provenance={}):
        raise UserError(
            f"run {run.path}",
            received="a data set other than the one it was begun with",
            expected=f"the data set that {FILE_NAME} in the run describes",
            remedy="Give the same data to resume it, or another --run to start a new one.",
        )


def _describe_other(path: str) -> str:
    """What a path holds that is no run."""
    if not storage.exists(path):
        return "no such folder"
    if not storage.is_folder(path):
        return "a file"
    if storage.exists(storage.join(path, FILE_NAME)):
        return "the folder of a data set, or of an incomplete export"
    inside = [name for name in storage.list_names(path) if is_export(storage.join(path, name))]
    return f"a folder that has exports in it: {', '.join(inside[:3])}" if inside else "a folder with neither"
