"""Keras's callbacks as the notebook used them, ours beside them, and their state, which Keras does not save."""

import math

import keras

from densenet_ocr.model.training.run_folder import BEST, EPOCH, RunFolder
from densenet_ocr.model.training.tensorboard import Board, Curves, Readings
from densenet_ocr.pipeline import storage


class Callbacks:
    """Weights of each epoch and the best, early stopping, TensorBoard, history.csv, curves; with a state."""

    def __init__(
        self,
        model: keras.Model,
        run: RunFolder,
        *,
        patience: int,
        epochs: int,
        validates: bool,
        histogram_epochs: int = 0,
        readings: Readings | None = None,
    ):
        """The model must be compiled; without validation there is no best epoch and no early stop."""
        self.best = keras.callbacks.ModelCheckpoint(
            storage.join(run.weights, BEST), monitor="val_loss", save_best_only=True, save_weights_only=True
        )
        self.stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=patience)
        always = [
            keras.callbacks.ModelCheckpoint(storage.join(run.weights, EPOCH), save_weights_only=True),
            keras.callbacks.CSVLogger(run.history, append=True),
            Board(run.tensorboard, histogram_epochs=histogram_epochs, readings=readings),
            Curves(run),  # after CSVLogger, whose rows it draws
        ]
        chosen = [self.best, self.stopping, *always] if validates else always
        self.all = keras.callbacks.CallbackList(chosen, model=model, epochs=epochs, verbose=0)

    def get_state(self) -> dict:
        """What the callbacks remember from epoch to epoch."""
        return {"best_loss": self.best.best, "wait": self.stopping.wait, "stopping_best": self.stopping.best}

    def set_state(self, state: dict) -> None:
        """Makes the callbacks remember; call it after on_train_begin, which makes them forget."""
        self.best.best = state["best_loss"]
        self.stopping.wait, self.stopping.best = state["wait"], state["stopping_best"]


def improves(loss: float, best: float | None) -> bool:
    """Whether a validation loss is the best so far, as ModelCheckpoint has it."""
    return math.isfinite(loss) and (best is None or loss < best)
