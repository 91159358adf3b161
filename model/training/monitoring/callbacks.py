"""Keras's callbacks with a state that survives a restart: weights files, early stopping, logs, curves."""

import keras

from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.monitoring.tensorboard import Board, Curves, Readings
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.run_folder import RunFolder
from densenet_ocr.model.training.run.weights_files import WeightsWriter


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
