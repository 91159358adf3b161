"""The weights files of a run: which ones a training writes and keeps, and which one a reader loads."""

import math
import os
import warnings

import h5py
import keras

from densenet_ocr.model.keras2.file import is_keras2_file
from densenet_ocr.model.training.run.history import find_best, read_history
from densenet_ocr.model.training.run.run_folder import BEST, RunFolder
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError

_HEAD = "layers/dense/vars/0"  # kernel of the last layer in a weights file: [features of a frame, classes]


class WeightsWriter(keras.callbacks.Callback):
    """Writes the weights of each epoch, and those with the lowest validation loss as the best ones.

    Keras's ModelCheckpoint would take braces in the path of a run for fields of a format, and keeps all files.

    Attributes:
      best_loss: The lowest validation loss so far, None before the first one.
    """

    def __init__(self, run: RunFolder, *, keep: int = 0):
        """Writes into `run`; keeps the weights of the `keep` newest epochs besides the best, all with 0."""
        super().__init__()
        self._run, self._keep = run, keep
        self.best_loss: float | None = None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes the weights after epoch `epoch`, from 0."""
        loss = (logs or {}).get("val_loss", math.nan)
        if improves(loss, self.best_loss):
            self.best_loss = loss
            self._save(self._run.best)
        self._save(self._run.weights_of(epoch + 1))
        for old in self._run.list_epochs() if self._keep else ():
            if old <= epoch + 1 - self._keep:
                storage.remove(self._run.weights_of(old))

    def _save(self, path: str) -> None:
        """Writes a weights file in one step, as others may read it at any time."""
        temporary = f"{path}{storage.TEMPORARY}new.weights.h5"
        self.model.save_weights(temporary)
        os.replace(temporary, path)


def improves(loss: float, best: float | None) -> bool:
    """Returns whether a validation loss is lower than the best one so far, None or NaN if there is none."""
    return math.isfinite(loss) and (best is None or math.isnan(best) or loss < best)


def find_weights(run: RunFolder, checkpoint: str | None = None) -> str:
    """Returns the path of the weights that a reader of a run loads.

    Args:
      run: The run.
      checkpoint: A file in the run's weights folder, or the path of a weights file; by default the best ones,
        or those of the last epoch in a run without validation.

    Raises:
      UserError: the file is missing. Weights of another epoch do not take its place.
    """
    if checkpoint:
        return _find_checkpoint(run, checkpoint)
    if storage.exists(run.best):
        return run.best
    rows = read_history(run.history) if storage.exists(run.history) else []
    best, epochs = find_best(rows), run.list_epochs()
    if best is None and epochs and epochs[-1] >= len(rows):
        return run.weights_of(epochs[-1])
    if not rows:
        raise UserError(
            f"model {run.path}",
            received="no weights in it",
            expected=f"weights/{BEST} or weights of an epoch",
            remedy="Let the training finish its first epoch.",
        )
    path = run.weights_of(len(rows)) if best is None else run.best
    why = "the last one" if best is None else f"the lowest validation loss, that of epoch {best + 1}"
    raise UserError(
        f"model {run.path}",
        received=f"no {path}",
        expected=f"the weights with {why} in history.csv",
        remedy=f"Restore the file, or choose other weights by --checkpoint (--init_from in training): "
        f"{_list_names(run)}.",
    )


def load_weights(model: keras.Model, path: str) -> None:
    """Loads a file of `model.save_weights` into a model; optimizer slots in it, of older runs, are ignored.

    Raises:
      UserError: the file cannot be read, or has weights of another network.
    """
    if storage.is_special(path):
        raise UserError(
            f"weights {path}",
            received="a pipe or a device",
            expected="a weights file",
            remedy="Restore the file from a copy.",
        )
    # Keras would load a file of Keras 2 layer by layer, without a charset that its classes belong to.
    if is_keras2_file(path):
        raise UserError(
            f"weights {path}",
            received="a file of Keras 2, as the original notebook wrote",
            expected="weights of a run",
            remedy="Read it with --weights=FILE in place of a run; start a training from it by "
            "--init_from=FILE.",
        )
    try:
        with storage.local_copy(path) as copy, warnings.catch_warnings():
            # Keras only warns of weights that it does not find, and leaves those as they were.
            warnings.simplefilter("error")
            model.load_weights(copy)
    except (OSError, ValueError, KeyError, UserWarning) as error:
        features, classes = model.layers[-1].kernel.shape
        raise UserError(
            f"weights {path}",
            received=_describe_network(path) or str(error).splitlines()[0],
            expected=f"weights of a network with {classes} classes and {features} features per frame",
            remedy="Choose other weights of the run, by --checkpoint or, in training, by --init_from.",
        ) from None


def _find_checkpoint(run: RunFolder, checkpoint: str) -> str:
    inside = storage.join(run.weights, checkpoint)
    path = inside if storage.exists(inside) else checkpoint
    if not storage.exists(path):
        raise UserError(
            "checkpoint",
            received=repr(checkpoint),
            expected=f"a weights file, such as these of {run.path}: {_list_names(run)}",
            remedy="Name one of them by --checkpoint, or by --init_from in training.",
        )
    return path


def _list_names(run: RunFolder) -> str:
    """The first and the last names of a run's weights files, for messages."""
    names = [name for name in storage.list_names(run.weights) if name.endswith(".weights.h5")]
    names = [name for name in names if storage.TEMPORARY not in name]
    return ", ".join(names if len(names) < 5 else [*names[:2], "...", names[-1]]) or "there are none"


def _describe_network(path: str) -> str | None:
    """What network a weights file belongs to; None for a file that is damaged or of another kind."""
    try:
        with storage.local_copy(path) as copy, h5py.File(copy) as file:
            features, classes = file[_HEAD].shape
    except (OSError, KeyError, ValueError, AttributeError):
        return None
    return f"weights of a network with {classes} classes and {features} features per frame"
