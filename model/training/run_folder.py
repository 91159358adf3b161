"""A run on disk: configuration, charset and data set beside the weights, so that a reader needs no more.

config.json  charset.txt  dataset.json  weights/  checkpoints/  history.csv  curves.png  tensorboard/
"""

import contextlib
import dataclasses
import json
import warnings

import keras

from densenet_ocr.model.keras2.weights import is_old_weights
from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import FILE_NAME, DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import is_export

BEST = "best.weights.h5"
EPOCH = "epoch-{epoch:04d}.weights.h5"


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


def load_model(
    path: str, checkpoint: str | None = None, *, padded: bool = False
) -> tuple[keras.Model, DatasetInfo]:
    """The run's model with weights (see build_densenet), and the description of the data it was trained on.

    Weights are those of the best epoch, or of the last one where none was chosen; `checkpoint` names a file in
    the run's weights folder or anywhere. Raises UserError where anything is missing or does not fit.
    """
    run = RunFolder(path)
    if not storage.exists(run.config):
        raise UserError(
            f"model {path}",
            received=_describe_other(path),
            expected="the folder of a run (with config.json) or of an export (with export.json)",
            remedy="Name that folder. Weights of the original notebook are given by --weights=FILE.",
        )
    info = load_dataset_info(path)
    model = build_densenet(height=info.geometry.height, classes=info.charset.classes, padded=padded)
    _load_weights(model, find_weights(run, checkpoint))
    return model, info


def _describe_other(path: str) -> str:
    """What lies at a path where no run does."""
    if not storage.exists(path):
        return "no such folder"
    if not storage.is_folder(path):
        return "a file"
    if storage.exists(storage.join(path, FILE_NAME)):
        return "the folder of a data set, or of an export that is not whole"
    inside = [name for name in storage.list_names(path) if is_export(storage.join(path, name))]
    return f"a folder that has exports in it: {', '.join(inside[:3])}" if inside else "a folder with neither"


def find_weights(run: RunFolder, checkpoint: str | None = None) -> str:
    """The path of the weights that `load_model` takes; raises UserError where a run has none."""
    if checkpoint:
        inside = storage.join(run.weights, checkpoint)
        return inside if storage.exists(inside) else checkpoint
    found = storage.find(storage.join(run.weights, BEST)) or storage.find(
        storage.join(run.weights, "epoch-*.weights.h5")
    )
    if not found:
        raise UserError(
            f"model {run.path}",
            received="no weights in it",
            expected=f"weights/{BEST} or weights of an epoch",
            remedy="Let the training finish its first epoch.",
        )
    return found[-1]


def _load_weights(model: keras.Model, path: str) -> None:
    # Keras would load these layer by layer, and none of it would know their characters.
    if is_old_weights(path):
        raise UserError(
            f"weights {path}",
            received="a file that Keras 2 wrote, as the original notebook's are",
            expected="weights of a run",
            remedy="Read it with --weights=FILE in place of a run; train begins with it by --init_from=FILE.",
        )
    try:
        with warnings.catch_warnings():
            # Keras only warns of weights that it does not find, and leaves those as they were.
            warnings.simplefilter("error")
            model.load_weights(path)
    except (OSError, ValueError, KeyError, UserWarning) as error:
        raise UserError(
            f"weights {path}",
            received=str(error).splitlines()[0],
            expected=f"weights of {model.name} with {model.output_shape[-1]} classes",
            remedy="Choose other weights of the run, by --checkpoint or, in training, by --init_from.",
        ) from None


def _check_equal(run: RunFolder, training: TrainConfig, info: DatasetInfo) -> None:
    old = run.read_settings()
    new = json.loads(json.dumps(dataclasses.asdict(training)))
    changed = [name for name in new if old[name] != new[name]]
    if changed:
        raise UserError(
            f"run {run.path}",
            received=", ".join(f"--{name}={new[name]}" for name in changed),
            expected=", ".join(f"--{name}={old[name]}" for name in changed) + ", as the run was begun with",
            remedy="Give the same settings to resume it, or another --run to begin anew.",
        )
    trained_on = load_dataset_info(run.path)
    if dataclasses.replace(trained_on, provenance={}) != dataclasses.replace(info, provenance={}):
        raise UserError(
            f"run {run.path}",
            received="a data set other than the one it was begun with",
            expected=f"the data set that {FILE_NAME} in the run describes",
            remedy="Give the same data to resume it, or another --run to begin anew.",
        )
