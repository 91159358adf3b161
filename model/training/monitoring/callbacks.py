"""Keras's callbacks, whose state survives a restart: weights files, early stopping, TensorBoard, curves."""

import contextlib
import dataclasses
from collections.abc import Iterator

import keras
import numpy as np
import PIL.Image
from absl import logging

from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.model.reading.pictures import FirstLines, draw_readings
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.monitoring.curves import draw_curves
from densenet_ocr.model.training.run.history import read_history
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.run_folder import RunFolder
from densenet_ocr.model.training.run.weights_files import WeightsWriter
from densenet_ocr.model.training.validation import list_validated
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui.picture import save_png

# As many as are read at a glance.
_LINES = 8


class Readings:
    """The first lines of a split with the readings of a model that is being trained."""

    def __init__(self, batches: TrainBatches, model: keras.Model, split: str):
        """Loads the lines of the first data set of a training that has the split, to read with its model."""
        part = list_validated(batches.mixture, split)[0]
        self._model = KerasInferenceModel(model, dataclasses.replace(part.info, charset=batches.info.charset))
        self._lines = FirstLines(_LINES, folder=part.folder, info=part.info, split=split, cache=batches.cache)

    def draw(self) -> PIL.Image.Image:
        """Reads the lines and draws them with truth and reading."""
        return draw_readings(self._lines.read(self._model))


class Board(keras.callbacks.TensorBoard):
    """Keras's TensorBoard callback, which also writes a picture of example lines after each epoch."""

    def __init__(self, folder: str, *, histogram_epochs: int, readings: Readings | None):
        """Writes weights' histograms every `histogram_epochs` epochs (0: never), and `readings` after each."""
        super().__init__(folder, histogram_freq=histogram_epochs)
        self._readings = readings

    def set_model(self, model: keras.Model) -> None:
        """Stores the model. Opens no file yet, as files of an interrupted run are truncated first."""
        self._model = model

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Opens the files."""
        super().set_model(self._model)
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes an epoch's summaries."""
        super().on_epoch_end(epoch, logs)
        if self._readings:
            with _warn_if_it_fails("readings"):
                picture = np.asarray(self._readings.draw())[None]
                # By Keras's own writer: TensorBoard reads a folder's file no more once there is a newer one.
                with self._val_writer.as_default():
                    self.summary.image("readings", picture, step=epoch)
        for writer in self._writers.values():
            # A killed run resumes after its last checkpoint: events before it must be on disk.
            writer.flush()


class Curves(keras.callbacks.Callback):
    """Draws history.csv after each epoch; CSVLogger has to write the epoch's row first."""

    def __init__(self, run: RunFolder):
        super().__init__()
        self._run = run

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Draws all epochs so far."""
        self._draw()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Draws a finished run that has no picture."""
        if not storage.exists(self._run.curves):
            self._draw()

    def _draw(self) -> None:
        with _warn_if_it_fails("curves"):
            save_png(draw_curves(read_history(self._run.history)), self._run.curves)


class Callbacks:
    """The callbacks of a run; Keras does not save their state, so checkpoints do.

    Attributes:
      weights: Writes the weights of each epoch and the best ones.
      early_stopping: Sets model.stop_training after `patience` epochs without a lower validation loss.
      all: These and the others, as one CallbackList.
    """

    def __init__(self, batches: TrainBatches, model: keras.Model, run: RunFolder | None, settings: RunConfig):
        """Creates the callbacks of a model that is not compiled: a compiled one saves its optimizer as weights.

        Args:
          batches: The batches of the training. Without a split to validate on there is no best epoch and no
            early stop.
          model: Network. Its attributes that Keras sets in compile() and callbacks read are set here.
          run: Folder that the callbacks write to. None on workers other than the chief, where none is called.
          settings: Which weights are kept, and what TensorBoard gets.
        """
        config, split = batches.config, batches.config.validation_split
        model.optimizer, model.stop_training = None, False
        chosen: list[keras.callbacks.Callback] = []
        if run:
            self.weights = WeightsWriter(run, keep=settings.checkpoints.keep_weights)
            self.early_stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=config.patience)
            readings = Readings(batches, model, split) if split else None
            chosen = [
                *([self.early_stopping] if split else []),
                self.weights,
                keras.callbacks.CSVLogger(run.history, append=True),
                Board(run.tensorboard, histogram_epochs=settings.logs.histogram_epochs, readings=readings),
                Curves(run),  # after CSVLogger, whose rows it draws
            ]
        self.all = keras.callbacks.CallbackList(chosen, model=model, epochs=config.epochs, verbose=0)

    def get_state(self) -> dict[str, float | None]:
        """Returns what the callbacks remember from epoch to epoch; the keys are a file format."""
        stopping = self.early_stopping
        return {"best_loss": self.weights.best_loss, "wait": stopping.wait, "stopping_best": stopping.best}

    def set_state(self, state: dict[str, float | None]) -> None:
        """Restores the state; call it after on_train_begin, which resets it."""
        self.weights.best_loss = state["best_loss"]
        self.early_stopping.wait, self.early_stopping.best = state["wait"], state["stopping_best"]


@contextlib.contextmanager
def _warn_if_it_fails(subject: str) -> Iterator[None]:
    """Logs any error of the block as a warning, as a picture is not worth ending a training."""
    try:
        yield
    except Exception as error:
        logging.warning("%s: not drawn (%s: %s)", subject, type(error).__name__, error)
