"""The training loop, one for every strategy, around Keras's model, optimizer and callbacks.

The input and the dropout are pure functions of (seed, step), so a run that is resumed after any step goes on
exactly as one that was never stopped.
"""

import dataclasses
import time

import tensorflow as tf
from absl import logging

from densenet_ocr.model.network.densenet import build_densenet, count_parameters
from densenet_ocr.model.network.devices import set_up_devices
from densenet_ocr.model.network.distribution import check_batch_size, choose_strategy, distribute
from densenet_ocr.model.network.metrics import Scores
from densenet_ocr.model.network.precision import use_precision
from densenet_ocr.model.training.averages import Averages
from densenet_ocr.model.training.callbacks import Callbacks, improves
from densenet_ocr.model.training.checkpoints import Checkpoints
from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig, LoggingConfig, TrainConfig
from densenet_ocr.model.training.history import cut_events, cut_history, describe_epoch
from densenet_ocr.model.training.losses import NO_LOSS, Losses
from densenet_ocr.model.training.optimizers import make_optimizer
from densenet_ocr.model.training.preemption import Preempted, PreemptionSignal, listen
from densenet_ocr.model.training.run_folder import RunFolder, hold_run, open_run
from densenet_ocr.model.training.step import make_step
from densenet_ocr.model.training.tensorboard import Readings
from densenet_ocr.model.training.transfer import begin_with
from densenet_ocr.model.training.validation import Validator, choose_validation
from densenet_ocr.model.training.weights import Weights
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.dataset import count_steps, training_input
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.progress import Progress


def train(
    *,
    config: TrainConfig,
    devices: DeviceConfig,
    data: str,
    run: str,
    checkpoints: CheckpointConfig | None = None,
    logs: LoggingConfig | None = None,
) -> dict:
    """Trains on the data set in `data` into the folder `run`, or resumes the run that is there.

    Raises Preempted where SIGTERM or Ctrl-C asked to stop, when all is saved. Returns {"step", "loss",
    "images_per_second", "split", "lines", "exact_match", "cer"}: the training loss is the last epoch's, the
    validation figures are those of the best epoch, whose weights readers take, or None.
    """
    set_up_devices(devices)
    strategy = choose_strategy(devices.strategy)
    check_batch_size(config.batch_size, strategy)
    info = load_dataset_info(data)
    _check_compiles(config, strategy, info)
    config = dataclasses.replace(config, validation_split=choose_validation(config.validation_split, info))
    with hold_run(run), listen() as stop_request:
        info, source = begin_with(config, info, run)
        folder = open_run(run, config=config, devices=devices, data=data, info=info)
        saving, watching = checkpoints or CheckpointConfig(), logs or LoggingConfig()
        trainer = Trainer(config, strategy, data, info, folder, saving, watching, source)
        return trainer.run(stop_request)


class Trainer:
    """One run from where its folder stands to its end."""

    def __init__(
        self,
        training: TrainConfig,
        strategy,
        data: str,
        info: DatasetInfo,
        folder: RunFolder,
        saving: CheckpointConfig,
        watching: LoggingConfig,
        source: Weights | None = None,
    ):
        """Builds model (with the weights of `source`), optimizer, step and so on; nothing is restored yet."""
        self._training, self._strategy, self._info, self._data = training, strategy, info, data
        self._replicas = strategy.num_replicas_in_sync
        self._steps = count_steps(info, training.train_split, training.batch_size, self._replicas)
        self._mean_size = self._find_mean_size()
        with strategy.scope(), use_precision(training.precision):
            self._build_model(source)
        batch = distribute(self._make_input(0), strategy).element_spec
        self._step = make_step(self.model, self.optimizer, strategy, training, batch, self._averages)
        self._validator, split = self._make_validator(), training.validation_split
        self._callbacks = Callbacks(
            self.model,
            folder,
            patience=training.patience,
            epochs=training.epochs,
            validates=self._validator is not None,
            histogram_epochs=watching.histogram_epochs,
            readings=Readings(self.model, folder=data, info=info, split=split) if split else None,
        )
        self._checkpoints = Checkpoints(
            folder.checkpoints,
            keep=saving.keep_checkpoints,
            model=self.model,
            optimizer=self.optimizer,
            averages=self._averages,
        )
        self._saving, self._saved = saving, time.monotonic()
        self._folder, self._stop_request = folder, PreemptionSignal()
        self._seconds, self._images = 0.0, 0
        logging.info("parameters: %d, of which %d do not train", *count_parameters(self.model))

    def _build_model(self, source: Weights | None) -> None:
        """Makes all that has variables; called in the strategy's scope."""
        training, info = self._training, self._info
        self.model = build_densenet(
            height=info.geometry.height,
            classes=info.charset.classes,
            seed=training.seed,
            padded=not info.geometry.width,
        )
        if source:
            source.place(self.model, info.charset)
        self.optimizer = make_optimizer(training, self._steps)
        self.optimizer.build(self.model.trainable_variables)
        self.model.compile(optimizer=self.optimizer)
        self._averages = Averages(self.model, training.ema_decay)

    def run(self, stop_request: PreemptionSignal) -> dict:
        """Trains epoch by epoch until the last one, or until the validation loss has stopped falling."""
        self._stop_request = stop_request
        state = self._resume()
        while state["epoch"] < self._training.epochs and not state["stopped"]:
            state = self._run_epoch(state)
            self._save(state)
        self._callbacks.all.on_train_end()
        return self._summarise(state)

    def _resume(self) -> dict:
        """The run's state: epochs done, steps done of the next one, their losses, figures so far."""
        state = self._checkpoints.restore()
        if state:
            epoch, step = state["epoch"] + 1, state["step"]
            logging.info("resuming in epoch %d of %d after step %d", epoch, self._training.epochs, step)
        else:
            state = {"epoch": 0, "step": 0, "stopped": False, **NO_LOSS, "loss": None, "scores": None}
            if self._training.init_from:
                self._save(state)  # the run it began with may be gone, or another, when it goes on
        cut_history(self._folder.history, state["epoch"])
        cut_events(self._folder.tensorboard, state["epoch"])
        self._callbacks.all.on_train_begin()
        if "callbacks" in state:
            self._callbacks.set_state(state["callbacks"])
        first_step = state["epoch"] * self._steps + state["step"]
        self._batches = iter(distribute(self._make_input(first_step), self._strategy))
        return state

    def _save(self, state: dict) -> None:
        self._checkpoints.save(state, step=state["epoch"] * self._steps + state["step"])
        self._saved = time.monotonic()

    def _run_epoch(self, state: dict) -> dict:
        """Trains and validates one epoch, tells the callbacks, and returns the run's state after it."""
        epoch, best_loss = state["epoch"], self._callbacks.best.best
        self._callbacks.all.on_epoch_begin(epoch)
        logs = self._train_epoch(state)
        with self._averages.in_place():
            scores = self._validator.run() if self._validator else None
            if scores:
                logs |= {
                    f"val_{name}": value
                    for name, value in dataclasses.asdict(scores).items()
                    if name != "lines"
                }
            self._callbacks.all.on_epoch_end(epoch, dict(logs))
        logging.info("epoch %d of %d: %s", epoch + 1, self._training.epochs, describe_epoch(logs))
        is_best = scores and improves(scores.loss, best_loss if epoch else None)
        return {
            "epoch": epoch + 1,
            "step": 0,
            **NO_LOSS,
            "stopped": bool(self.model.stop_training),
            "loss": logs["loss"],
            "scores": dataclasses.asdict(scores) if is_best else state["scores"],
            "callbacks": self._callbacks.get_state(),
        }

    def _train_epoch(self, state: dict) -> dict:
        """Trains what is left of an epoch, saving when it is time to; returns the epoch's figures."""
        epoch, first = state["epoch"], state["step"]
        losses = Losses(
            state,
            batch_size=self._training.batch_size,
            name_lines=self._name_lines,
            first_step=epoch * self._steps,
        )
        title = f"epoch {epoch + 1} of {self._training.epochs}"
        total, done = (round(steps * self._mean_size) for steps in (self._steps, first))
        progress = Progress(title, total, "images", done=done)
        waited, start = 0.0, time.monotonic()

        def tell() -> str:
            share = waited / (time.monotonic() - start)
            return f"loss {losses.mean():.4g}, input wait {share:.1%}"

        for step in range(first + 1, self._steps + 1):
            asked = time.monotonic()
            batch = next(self._batches)
            waited += time.monotonic() - asked
            self._callbacks.all.on_train_batch_begin(step - 1)
            losses.add(self._step(batch))
            self._callbacks.all.on_train_batch_end(step - 1)
            progress.show(round(step * self._mean_size), tell)
            if step < self._steps:
                self._save_if_due({**state, "step": step}, losses)
        seconds, images = time.monotonic() - start, total - done
        progress.close(total, tell())
        self._seconds, self._images = self._seconds + seconds, self._images + images
        return {
            "loss": losses.mean(),
            "learning_rate": float(tf.convert_to_tensor(self.optimizer.learning_rate)),
            "images_per_second": images / seconds,
            "input_wait_share": waited / seconds,
        }

    def _save_if_due(self, state: dict, losses: Losses) -> None:
        """Saves in the middle of an epoch, by steps, by minutes or because a signal asked to stop."""
        steps, minutes = self._saving.checkpoint_steps, (time.monotonic() - self._saved) / 60
        by_steps = steps and not (state["epoch"] * self._steps + state["step"]) % steps
        if by_steps or minutes >= self._saving.checkpoint_minutes or self._stop_request.signal:
            self._save({**state, **losses.sum()})
        if self._stop_request.signal:
            where = f"in epoch {state['epoch'] + 1}, after step {state['step']}"
            raise Preempted(f"{self._stop_request.signal} {where}")

    def _find_mean_size(self) -> float:
        """Lines of a batch, which differ by width where lines have any."""
        if self._info.geometry.width:
            return self._training.batch_size
        return self._info.find_split(self._training.train_split).written / self._steps

    def _name_lines(self, step: int) -> list[str]:
        """The keys of the lines that a step of the run, from 0, trained on."""
        batch = next(iter(self._make_input(step)))
        keys = batch[schema.KEY][batch[schema.WEIGHT] > 0].numpy()
        return [key.decode("utf-8", "replace") for key in keys]

    def _make_input(self, first_step: int) -> tf.data.Dataset:
        return training_input(
            folder=self._data,
            info=self._info,
            split=self._training.train_split,
            batch_size=self._training.batch_size,
            seed=self._training.seed,
            shuffle_buffer=self._training.shuffle_buffer,
            first_step=first_step,
            replicas=self._replicas,
            augmentation=self._training.augmentation,
            normalised=False,  # uint8 travels to the device
        )

    def _make_validator(self) -> Validator | None:
        split = self._training.validation_split
        if split is None:
            return None
        return Validator(
            self.model,
            self._strategy,
            folder=self._data,
            info=self._info,
            split=split,
            batch_size=self._training.batch_size,
        )

    def _summarise(self, state: dict) -> dict:
        scores = Scores(**state["scores"]) if state["scores"] else None
        return {
            "step": int(tf.convert_to_tensor(self.optimizer.iterations)),
            "loss": state["loss"],
            "images_per_second": self._images / self._seconds if self._seconds else None,
            "split": self._training.validation_split,
            "lines": scores.lines if scores else None,
            "exact_match": scores.exact_match if scores else None,
            "cer": scores.cer if scores else None,
        }


def _check_compiles(training: TrainConfig, strategy: tf.distribute.Strategy, info: DatasetInfo) -> None:
    """XLA compiles anew for every width, and fails in replicas on CPUs (TensorFlow 2.16)."""
    replicas, width = strategy.num_replicas_in_sync, "one width" if info.geometry.width else "any width"
    if training.jit_compile and (replicas > 1 or not info.geometry.width):
        raise UserError(
            "jit_compile",
            received=f"True for lines of {width}, on {replicas} devices",
            expected="one device, and lines of one width",
            remedy="Leave --jit_compile out.",
        )
