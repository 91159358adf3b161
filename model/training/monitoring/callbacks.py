"""Keras's callbacks with a state that survives a restart: weights files, early stopping, logs, curves."""

import keras

from densenet_ocr.model.training.config import LoggingConfig
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.monitoring.tensorboard import Board, Curves, Readings
from densenet_ocr.model.training.run.run_folder import RunFolder
from densenet_ocr.model.training.run.weights_files import WeightsWriter
from densenet_ocr.model.training.validation import list_validated


class Callbacks:
    """The callbacks of a run; Keras does not save their state, so checkpoints do.

    Attributes:
      weights: Writes the weights of each epoch and the best ones.
      early_stopping: Sets model.stop_training after `patience` epochs without a lower validation loss.
      all: These and the others, as one CallbackList.
    """

    def __init__(
        self,
        model: keras.Model,
        run: RunFolder | None,
        *,
        patience: int,
        epochs: int,
        validates: bool,
        keep_weights: int = 0,
        histogram_epochs: int = 0,
        readings: Readings | None = None,
    ):
        """Creates the callbacks of a model that is not compiled: a compiled one saves its optimizer as weights.

        Args:
          model: Network. Its attributes that Keras sets in compile() and callbacks read are set here.
          run: Folder that the callbacks write to. None on workers other than the chief, where none is called.
          patience: Epochs without a lower validation loss after which to stop.
          epochs: Maximum number of epochs.
          validates: Whether there is a validation loss; without it there is no best epoch and no early stop.
          keep_weights: Number of newest epochs whose weights are kept besides the best; 0 keeps all.
          histogram_epochs: Epochs between histograms of the weights in TensorBoard; 0 writes none.
          readings: Example lines for TensorBoard.
        """
        model.optimizer, model.stop_training = None, False
        if run is None:
            self.all = keras.callbacks.CallbackList([], model=model, epochs=epochs, verbose=0)
            return
        self.weights = WeightsWriter(run, keep=keep_weights)
        self.early_stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=patience)
        always = [
            self.weights,
            keras.callbacks.CSVLogger(run.history, append=True),
            Board(run.tensorboard, histogram_epochs=histogram_epochs, readings=readings),
            Curves(run),  # after CSVLogger, whose rows it draws
        ]
        chosen = [self.early_stopping, *always] if validates else always
        self.all = keras.callbacks.CallbackList(chosen, model=model, epochs=epochs, verbose=0)

    def get_state(self) -> dict[str, float | None]:
        """Returns what the callbacks remember from epoch to epoch; the keys are a file format."""
        stopping = self.early_stopping
        return {"best_loss": self.weights.best_loss, "wait": stopping.wait, "stopping_best": stopping.best}

    def set_state(self, state: dict[str, float | None]) -> None:
        """Restores the state; call it after on_train_begin, which resets it."""
        self.weights.best_loss = state["best_loss"]
        self.early_stopping.wait, self.early_stopping.best = state["wait"], state["stopping_best"]


def make_callbacks(
    batches: TrainBatches, model: keras.Model, folder: RunFolder | None, keep_weights: int, logs: LoggingConfig
) -> Callbacks:
    """Returns the callbacks of a training on these batches; see Callbacks."""
    config, split = batches.config, batches.config.validation_split
    readings = None
    if split and folder:
        part = list_validated(batches.mixture, split)[0]
        readings = Readings(
            model,
            folder=part.folder,
            info=part.info,
            split=split,
            cache=batches.cache,
            charset=batches.info.charset,
        )
    return Callbacks(
        model,
        folder,
        patience=config.patience,
        epochs=config.epochs,
        validates=split is not None,
        keep_weights=keep_weights,
        histogram_epochs=logs.histogram_epochs,
        readings=readings,
    )
