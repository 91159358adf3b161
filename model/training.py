"""The training loop, one for every strategy, around Keras's model, optimizer and callbacks.

The input and the dropout are pure functions of (seed, step), so a run that is resumed at the end of an epoch
goes on exactly as one that was never stopped.
"""

import dataclasses
import math
import time

import keras
import tensorflow as tf
from absl import logging

from model.callbacks import Callbacks, JsonState, cut_history, improves
from model.config import Devices, Training
from model.ctc import ctc_loss
from model.densenet import build_densenet, count_parameters
from model.devices import set_up_devices
from model.distribution import check_batch_size, choose_strategy, distribute, sum_over_replicas
from model.evaluation import Evaluator
from model.layers import dropout_seed
from model.metrics import Scores
from model.run_folder import RunFolder, open_run
from pipeline import schema
from pipeline.dataset import training_input
from pipeline.dataset_info import DatasetInfo, load_dataset_info
from pipeline.errors import UserError
from pipeline.progress import Progress


def train(*, training: Training, devices: Devices, data: str, run: str) -> dict:
    """Trains on the data set in `data` into the folder `run`, or resumes the run that is there.

    Returns {"step", "loss", "images_per_second", "split", "lines", "exact_match", "cer"}: the training loss is
    the last epoch's, the validation figures are those of the best epoch, whose weights readers take, or None.
    """
    set_up_devices(devices)
    strategy = choose_strategy(devices.strategy)
    check_batch_size(training.batch_size, strategy)
    info = load_dataset_info(data)
    training = dataclasses.replace(training, validation_split=_choose_validation(training, info))
    folder = open_run(run, training=training, devices=devices, data=data, info=info)
    return Trainer(training, strategy, data, info, folder).run()


class Trainer:
    """One run from where its folder stands to its end."""

    def __init__(self, training: Training, strategy, data: str, info: DatasetInfo, folder: RunFolder):
        """Builds model, optimizer, step, evaluator and callbacks; nothing is read or restored yet."""
        self._training, self._strategy, self._info, self._data = training, strategy, info, data
        self._steps = max(1, info.find_split(training.train_split).written // training.batch_size)
        with strategy.scope():
            self.model = build_densenet(
                height=info.geometry.height, classes=info.charset.classes, seed=training.seed
            )
            self.optimizer = make_optimizer(training, self._steps)
            self.optimizer.build(self.model.trainable_variables)
            self.model.compile(optimizer=self.optimizer)
        self._step = make_step(self.model, self.optimizer, strategy, training)
        self._evaluator = self._make_evaluator()
        self._callbacks = Callbacks(
            self.model,
            folder,
            patience=training.patience,
            epochs=training.epochs,
            validates=self._evaluator is not None,
        )
        self._state = JsonState()
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(model=self.model, optimizer=self.optimizer, state=self._state),
            folder.checkpoints,
            max_to_keep=2,
        )
        self._folder = folder
        self._seconds, self._images = 0.0, 0
        logging.info("parameters: %d, of which %d do not train", *count_parameters(self.model))

    def run(self) -> dict:
        """Trains epoch by epoch until the last one, or until the validation loss has stopped falling."""
        state = self._resume()
        while state["epoch"] < self._training.epochs and not state["stopped"]:
            state = self._run_epoch(state)
            self._state.content = state
            self._manager.save()
        self._callbacks.all.on_train_end()
        return self._summarise(state)

    def _resume(self) -> dict:
        state = {"epoch": 0, "stopped": False, "loss": None, "scores": None}
        if self._manager.restore_or_initialize():
            state = self._state.content
            logging.info("resuming after epoch %d of %d", state["epoch"], self._training.epochs)
        cut_history(self._folder.history, state["epoch"])
        self._callbacks.all.on_train_begin()
        if state["epoch"]:
            self._callbacks.set_state(state["callbacks"])
        first_step = state["epoch"] * self._steps
        self._batches = iter(distribute(self._make_input(first_step), self._strategy))
        return state

    def _run_epoch(self, state: dict) -> dict:
        """Trains and validates one epoch, tells the callbacks, and returns the run's state after it."""
        epoch, best_loss = state["epoch"], self._callbacks.best.best
        self._callbacks.all.on_epoch_begin(epoch)
        logs = self._train_epoch(epoch)
        scores = self._evaluator.run() if self._evaluator else None
        if scores:
            logs |= {
                f"val_{name}": value for name, value in dataclasses.asdict(scores).items() if name != "lines"
            }
        self._callbacks.all.on_epoch_end(epoch, dict(logs))
        logging.info(
            "epoch %d: %s", epoch + 1, ", ".join(f"{name} {value:.4g}" for name, value in logs.items())
        )
        is_best = scores and improves(scores.loss, best_loss if epoch else None)
        return {
            "epoch": epoch + 1,
            "stopped": bool(self.model.stop_training),
            "loss": logs["loss"],
            "scores": dataclasses.asdict(scores) if is_best else state["scores"],
            "callbacks": self._callbacks.get_state(),
        }

    def _train_epoch(self, epoch: int) -> dict:
        size, total = self._training.batch_size, tf.constant(0.0)
        title = f"epoch {epoch + 1} of {self._training.epochs}"
        progress, waited, start = Progress(title, self._steps * size, "images"), 0.0, time.monotonic()
        for step in range(1, self._steps + 1):
            asked = time.monotonic()
            batch = next(self._batches)
            waited += time.monotonic() - asked
            self._callbacks.all.on_train_batch_begin(step - 1)
            total += self._step(batch)
            self._callbacks.all.on_train_batch_end(step - 1)
            progress.show(step * size, lambda done=step, sum=total: f"loss {_check_loss(sum, done, epoch):.4g}")
        loss = _check_loss(total, self._steps, epoch)
        seconds = time.monotonic() - start
        progress.close(self._steps * size, f"loss {loss:.4g}")
        self._seconds, self._images = self._seconds + seconds, self._images + self._steps * size
        return {
            "loss": loss,
            "learning_rate": float(self.optimizer.learning_rate),
            "images_per_second": self._steps * size / seconds,
            "input_wait_share": waited / seconds,
        }

    def _make_input(self, first_step: int) -> tf.data.Dataset:
        return training_input(
            folder=self._data,
            info=self._info,
            split=self._training.train_split,
            batch_size=self._training.batch_size,
            seed=self._training.seed,
            shuffle_buffer=self._training.shuffle_buffer,
            first_step=first_step,
        )

    def _make_evaluator(self) -> Evaluator | None:
        split = self._training.validation_split
        if split is None:
            return None
        return Evaluator(
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
            "step": int(self.optimizer.iterations),
            "loss": state["loss"],
            "images_per_second": self._images / self._seconds if self._seconds else None,
            "split": self._training.validation_split,
            "lines": scores.lines if scores else None,
            "exact_match": scores.exact_match if scores else None,
            "cer": scores.cer if scores else None,
        }


def make_step(model: keras.Model, optimizer, strategy: tf.distribute.Strategy, training: Training):
    """A compiled training step: per-replica batch -> mean CTC loss of the global batch, float32.

    Minimised is that mean plus the network's L2 terms; each replica adds its share of both.
    """
    replicas, seed = strategy.num_replicas_in_sync, training.seed

    def step_on_replica(batch):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        step = tf.cast(optimizer.iterations, tf.int32)
        key = tf.random.experimental.stateless_fold_in(tf.stack([seed, step]), tf.cast(replica, tf.int32))
        with tf.GradientTape() as tape, dropout_seed(key):
            logits = model(batch[schema.IMAGE], training=True)
            losses = ctc_loss(
                logits=logits,
                frames=batch[schema.FRAMES],
                label=batch[schema.LABEL],
                label_length=batch[schema.LABEL_LENGTH],
            )
            loss = tf.reduce_sum(losses) / training.batch_size
            objective = loss + tf.add_n(model.losses) / replicas
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(objective, variables), variables)
        return loss

    @tf.function
    def step(batch):
        return sum_over_replicas(strategy, strategy.run(step_on_replica, args=(batch,)))

    return step


def make_optimizer(training: Training, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Adam at a constant rate or along a cosine to 0, after `warmup_steps` of a linear rise from 0."""
    total = training.epochs * steps_per_epoch
    warmup, rate = training.warmup_steps, training.learning_rate
    if warmup >= total:
        raise UserError(
            "warmup_steps",
            received=warmup,
            expected=f"fewer than the training's {total} steps",
            remedy="Set --warmup_steps or --epochs.",
        )
    if training.schedule == "constant" and not warmup:
        return keras.optimizers.Adam(rate)
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate,
            decay_steps=total - warmup,
            alpha=1.0 if training.schedule == "constant" else 0.0,  # 1 keeps the rate where it is
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    )


def _choose_validation(training: Training, info: DatasetInfo) -> str | None:
    if training.validation_split:
        info.find_split(training.validation_split)
        return training.validation_split
    for name in ("validation", "test"):
        if name in info.splits:
            logging.info("validation: split %r of the data set", name)
            return name
    logging.warning("validation: none, the data set has no split 'validation' or 'test'; no early stopping")
    return None


def _check_loss(total: tf.Tensor, steps: int, epoch: int) -> float:
    loss = float(total) / steps
    if not math.isfinite(loss):
        raise UserError(
            f"training loss, epoch {epoch + 1}, within its first {steps} steps",
            received=loss,
            expected="a finite number",
            remedy="Lower --learning_rate or add --warmup_steps; the weights of the epochs before are kept.",
        )
    return loss
