"""The folder of a run. It has the charset and the description of the data, so a reader needs nothing else.

config.json  charset.txt  dataset.json  weights/  checkpoints/  history.csv  curves.png  tensorboard/
"""

import contextlib
import dataclasses
import functools
import re
from collections.abc import Collection, Iterator

from densenet_ocr.model.training.run.mirror import Mirror, open_mirror
from densenet_ocr.model.training.run.run_config import RunConfig, check_resumable, load_run_config
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import FILE_NAME, DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import CHARSET, is_export
from densenet_ocr.pipeline.exports.shipped import name_shipped
from densenet_ocr.pipeline.mixtures.mixture import join_names
from densenet_ocr.pipeline.mixtures.sources import count_shares, format_data, list_sources

BEST = "best.weights.h5"
_MOST_TRIED = 20  # folders that an error looks into
_EPOCH = re.compile(r"epoch-(\d+)\.weights\.h5")


class _Part:
    """The path of a file or folder in the folder of a run."""

    def __init__(self, *names: str):
        self._names = names

    def __get__(self, run: "RunFolder", kind: type) -> str:
        return functools.reduce(storage.join, self._names, run.path)


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Paths in the folder of a run.

    Attributes:
      path: The folder, for readers also a URL.
      mirror: What publishes the folder, where it is the mirror of a run in a bucket.
      config: Configuration of the training (see run_config).
      weights: Folder of the weights files.
      best: Weights with the lowest validation loss.
      checkpoints: Folder of the checkpoints, from which the run resumes.
      history: Metrics by epoch, CSV.
      curves: Plot of these metrics, PNG.
      tensorboard: Folder of TensorBoard's logs.
    """

    path: str
    mirror: Mirror | None = None

    config = _Part("config.json")
    weights = _Part("weights")
    best = _Part("weights", BEST)
    checkpoints = _Part("checkpoints")
    history = _Part("history.csv")
    curves = _Part("curves.png")
    tensorboard = _Part("tensorboard")

    @property
    def name(self) -> str:
        """The run's folder as the user has named it."""
        return self.mirror.url if self.mirror else self.path

    def publish(self) -> None:
        """Puts what has changed into the bucket of the run, if it is in one; raises UserError."""
        if self.mirror:
            self.mirror.publish()

    def weights_of(self, epoch: int) -> str:
        """Weights after an epoch, from 1."""
        return storage.join(self.weights, f"epoch-{epoch:04d}.weights.h5")

    def list_epochs(self) -> list[int]:
        """Returns the epochs that have a weights file, in order."""
        matches = map(_EPOCH.fullmatch, storage.list_names(self.weights))
        return sorted(int(match[1]) for match in matches if match)


def open_run(run: RunFolder, config: RunConfig, info: DatasetInfo) -> RunFolder:
    """Makes a run folder, or opens one that can resume with this training and data.

    config.json then has this configuration: all but the training's may change when a run is resumed.

    Args:
      run: The run, in a local folder.
      config: Its configuration.
      info: Description of the data set, with the charset of the model.

    Returns:
      The run.

    Raises:
      UserError: the run has another configuration or other data, or the folder has other files.
    """
    is_new = not storage.exists(run.config)
    if is_new:
        _check_new(run.path)
    else:
        old = load_run_config(run.config)
        check_resumable(run.name, old.training, config.training)
        _check_data(run, old, config, info)
        config = dataclasses.replace(config, command=old.command)
    for folder in (run.path, run.weights, run.checkpoints):
        storage.make_folder(folder)  # a bucket has no empty ones
    if is_new:
        info.save(run.path)
        info.charset.write(storage.join(run.path, CHARSET))
    config.save(run.config)  # last, because a folder is a run once this file is there
    run.publish()
    return run


@contextlib.contextmanager
def hold_run(path: str) -> Iterator[RunFolder]:
    """Yields a run's folder, or that of its mirror for a URL, which this process alone writes within the block.

    Raises:
      UserError: another training writes there, or the folder in a bucket has other files.
    """
    storage.make_folder(path)  # refuses a web server
    with storage.held(
        path,
        subject=f"run {path}",
        received="a second training, while another one writes there",
        remedy="Wait for the other one, or choose another --run.",
    ) as check_lock:
        if not storage.is_url(path):
            yield RunFolder(path)
            return
        if not storage.exists(RunFolder(path).config):
            _check_new(path)  # before a mirror fetches files that are none of a run
        with open_mirror(path, check_lock) as mirror:
            yield RunFolder(mirror.folder, mirror)


def _check_new(path: str) -> None:
    """Raises UserError for a folder with other files than those that a bucket has first of a new run."""
    whole = {name for name in storage.list_names(path) if storage.TEMPORARY not in name}
    if whole - {FILE_NAME, CHARSET}:
        raise UserError(
            f"run {path}",
            received="a folder with other files and no config.json",
            expected="a new folder, or the folder of a run",
            remedy="Choose another --run.",
        )


def load_run_info(path: str) -> DatasetInfo:
    """Returns the description of a run's data set; raises UserError for a path that is no run."""
    if not storage.exists(RunFolder(path).config):
        raise UserError(
            f"model {path}",
            received=describe_path(path),
            expected="the folder of a run (with config.json) or of an export (with export.json)",
            remedy="Name that folder. Weights of the original notebook are given by --weights=FILE. Shipped "
            f"models: {name_shipped()}.",
        )
    return load_dataset_info(path)


def _check_data(run: RunFolder, old: RunConfig, config: RunConfig, info: DatasetInfo) -> None:
    """Raises UserError for another data set; splits that the run does not use may come and go."""
    before, now = list_sources(old.data), list_sources(config.data)
    if count_shares(before) != count_shares(now):
        raise UserError(
            f"run {run.name}",
            received=f"{format_data(config.data)}, other data sets or weights than those of the run",
            expected=format_data(old.data),
            remedy="Leave --data out to resume the run, or give another --run to start a new one.",
        )
    used = {config.training.train_split, config.training.validation_split}
    used |= {join_names(source.name, split) for source in now[1:] for split in used if split}
    if _restrict(load_dataset_info(run.path), used) != _restrict(info, used):
        raise UserError(
            f"run {run.name}",
            received=f"{format_data(config.data)}, another data set than that of the run",
            expected=f"the data set that {FILE_NAME} in the run describes",
            remedy="Give the same data to resume it, or another --run to start a new one.",
        )


def _restrict(info: DatasetInfo, names: Collection[str | None]) -> DatasetInfo:
    splits = {name: split for name, split in info.splits.items() if name in names}
    return dataclasses.replace(info, splits=splits, provenance={})


def describe_path(path: str) -> str:
    """Returns what a path holds that is no run."""
    if not storage.exists(path):
        return "no such folder"
    if not storage.is_folder(path):
        return "a file"
    if storage.exists(storage.join(path, FILE_NAME)):
        return "the folder of a data set, or of an incomplete export"
    names = storage.list_names(path)[:_MOST_TRIED]
    inside = [name for name in names if is_export(storage.join(path, name))]
    return f"a folder that has exports in it: {', '.join(inside[:3])}" if inside else "another folder"
