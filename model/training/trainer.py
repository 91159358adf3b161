"""The training loop, the same for every strategy, with Keras's model, optimizer and callbacks.

Input and dropout are pure functions of (seed, step), so a resumed run ends with the same weights, bit by bit,
as one that was never interrupted.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from absl import logging

from densenet_ocr.model.cluster.workers import Workers
from densenet_ocr.model.network.devices import set_up_devices
from densenet_ocr.model.network.metrics import Scores
from densenet_ocr.model.training.beginning import Beginning, begin, check_settings, open_workers
from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig, LoggingConfig, TrainConfig
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.memory import refuse_out_of_memory
from densenet_ocr.model.training.monitoring.callbacks import Callbacks
from densenet_ocr.model.training.network import build_network
from densenet_ocr.model.training.preemption import Preempted, PreemptionSignal, catch_signals
from densenet_ocr.model.training.run.checkpoints import Checkpoints
from densenet_ocr.model.training.run.history import (
    format_epoch,
    list_metrics,
    truncate_events,
    truncate_history,
)
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.weights_files import improves
from densenet_ocr.model.training.shared_lines import warn_of_shared_lines
from densenet_ocr.model.training.state import RunningLoss, TrainState
from densenet_ocr.model.training.step import Batch, make_step
from densenet_ocr.model.training.validation import Validation
from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from densenet_ocr.pipeline.mixtures.sources import Data, simplify_data
from densenet_ocr.pipeline.tfrecord.shards import reading_errors
from densenet_ocr.pipeline.ui.progress import Progress


def train(
    *,
    config: TrainConfig,
    devices: DeviceConfig,
    data: Data,
    run: str,
    checkpoints: CheckpointConfig | None = None,
    logs: LoggingConfig | None = None,
    cache: str | None = None,
) -> dict[str, Any]:
    """Trains a network on a data set, or resumes the run in the folder `run`.

    Args:
      config: Training configuration. That of a run that is resumed, but for `epochs`, which may rise; a
        `validation_split` of None is the run's own.
      devices: Devices, memory and threads.
      data: Folder of the data set, or the data sets of a mixture.
      run: Folder of the run, or its URL in a bucket.
      checkpoints: When to save checkpoints.
      logs: What TensorBoard gets.
      cache: Local folder that keeps copies of the shards of a data set behind a URL.

    Returns:
      {"step", "loss", "images_per_second", "split", "lines", "exact_match", "cer"}: the mean training loss of
      the last epoch; the last four from the validation split, of all data sets, at the best epoch, None without
      validation.

    Raises:
      Preempted: SIGTERM or Ctrl-C ended training; a checkpoint is saved.
      UserError: configuration, data and run do not go together, the loss is not finite, or memory runs out.
    """
    set_up_devices(devices)
    checkpoints, logs = checkpoints or CheckpointConfig(), logs or LoggingConfig()
    with open_workers(devices) as workers, contextlib.ExitStack() as opened, reading_errors():
        preemption = opened.enter_context(catch_signals())
        mixture = load_mixture(data, frame_stride=config.frame_stride)
        check_settings(config, devices, workers, mixture)
        settings = RunConfig(config, simplify_data(data), devices, checkpoints, logs)
        begun = begin(workers, opened, config=settings, mixture=mixture, run=run)
        batches = TrainBatches(mixture, begun.info, begun.config, workers.strategy, workers.share, cache)
        trainer = Trainer(batches, begun, workers, settings, preemption)
        try:
            return trainer.run()
        except tf.errors.ResourceExhaustedError as error:
            raise refuse_out_of_memory(config, error) from None


class Trainer:
    """Trains epoch by epoch.

    Of several workers only the chief has a folder and checkpoints; the others wait for it where it writes.
    """

    def __init__(
        self,
        batches: TrainBatches,
        begun: Beginning,
        workers: Workers,
        settings: RunConfig,
        preemption: PreemptionSignal,
    ):
        """Builds what trains on the batches, and what writes into the run."""
        self.config, self.folder = begun.config, begun.folder
        self.batches, self.workers, self.preemption = batches, workers, preemption
        self.network = build_network(batches, begun.source)
        model, trained, optimizer, average = self.network
        spec = batches.start_at(0).element_spec
        self.step = make_step(trained, optimizer, batches.strategy, self.config, spec, average)
        split = self.config.validation_split
        self.validation = None if split is None else Validation(batches, model, split)
        self.callbacks = Callbacks(batches, model, self.folder, settings)
        self.checkpoints = self.folder and Checkpoints(
            self.folder.checkpoints, settings.checkpoints, model=trained, optimizer=optimizer, averages=average
        )
        self.seconds, self.images = 0.0, 0

    def run(self) -> dict[str, Any]:
        """Trains from the newest checkpoint to the last epoch or early stopping; returns `train`'s result."""
        state = self._restore()
        first_step = state.count_steps(self.batches.steps_per_epoch)
        if self.folder:
            if not first_step:
                warn_of_shared_lines(self.config, self.batches.mixture, self.batches.cache)
            truncate_history(self.folder.history, state.epoch)
            truncate_events(self.folder.tensorboard, state.epoch)
        self.callbacks.all.on_train_begin()
        if self.folder and state.callbacks:
            self.callbacks.set_state(state.callbacks)
        batches = iter(self.batches.start_at(first_step))
        while state.epoch < self.config.epochs and not state.stopped:
            state = self._run_epoch(state, batches)
            self._save(state)
        self.callbacks.all.on_train_end()
        if self.folder:
            self.folder.publish()
        return self._summarise(state)

    def _restore(self) -> TrainState:
        content = self.workers.share_result(lambda: self.checkpoints and self.checkpoints.restore())
        self.workers.copy_variables(self.network.variables)
        if content is None:
            state = TrainState()
            if self.config.init_from:
                self._save(state)  # when the run resumes, the initial weights may be gone or changed
            return state
        state = TrainState.from_json(content, batch_size=self.config.batch_size)
        self.batches.check_replicas(state.replicas)
        epochs = self.config.epochs
        if state.stopped:
            logging.info("finished: early stopping after epoch %d of at most %d", state.epoch, epochs)
        elif state.epoch >= epochs:
            logging.info("finished: %d of %d epochs; a larger --epochs continues", epochs, epochs)
        else:
            place = f"epoch {state.epoch + 1} of {epochs} after step {state.step}"
            logging.info("resuming in %s, at a learning rate of %.4g", place, self._read_learning_rate())
        return state

    def _save(self, state: TrainState) -> None:
        if self.checkpoints and self.folder:
            replicas = self.workers.strategy.num_replicas_in_sync
            content = dataclasses.replace(state, replicas=replicas).to_json()
            self.checkpoints.save(content, step=state.count_steps(self.batches.steps_per_epoch))
            self.folder.publish()

    def _run_epoch(self, state: TrainState, batches: Iterator[Batch]) -> TrainState:
        """Trains and validates one epoch, runs the callbacks, and returns the state after it."""
        self.callbacks.all.on_epoch_begin(state.epoch)
        logs = self._train_epoch(state, batches)
        with self.network.average.applied():
            scores = None
            if self.validation:
                scores, apart = self.validation.run()
                logs |= list_metrics(scores, apart)
            after = self.workers.share_result(lambda: self._end_epoch(state, logs, scores).to_json())
        return TrainState.from_json(after, batch_size=self.config.batch_size)

    def _end_epoch(self, state: TrainState, logs: dict[str, float], scores: Scores | None) -> TrainState:
        """Runs the callbacks, on the chief alone, and returns the state after the epoch."""
        epoch, best_loss = state.epoch, self.callbacks.weights.best_loss
        self.callbacks.all.on_epoch_end(epoch, dict(logs))
        logging.info("epoch %d of %d: %s", epoch + 1, self.config.epochs, format_epoch(logs))
        is_best = scores and improves(scores.loss, best_loss)
        return TrainState(
            epoch=epoch + 1,
            stopped=bool(self.network.model.stop_training),
            loss=logs["loss"],
            scores=scores if is_best else state.scores,
            callbacks=self.callbacks.get_state(),
        )

    def _train_epoch(self, state: TrainState, batches: Iterator[Batch]) -> dict[str, float]:
        """Trains the rest of an epoch, saving checkpoints when due; returns the epoch's metrics."""
        steps, size = self.batches.steps_per_epoch, self.batches.lines_per_step
        loss = RunningLoss(state, first_step=state.epoch * steps, list_keys=self.batches.list_keys)
        total, done = round(steps * size), round(state.step * size)
        progress = Progress(f"epoch {state.epoch + 1} of {self.config.epochs}", total, "images", done=done)
        waited, start = 0.0, time.monotonic()

        def note() -> str:
            share = waited / (time.monotonic() - start)
            return f"loss {loss.mean():.4g}, input wait {share:.1%}"

        for step in range(state.step + 1, steps + 1):
            asked = time.monotonic()
            batch = next(batches)
            waited += time.monotonic() - asked
            self.callbacks.all.on_train_batch_begin(step - 1)
            loss.add(self.step(batch))
            self.callbacks.all.on_train_batch_end(step - 1)
            progress.show(round(step * size), note)
            if step < steps:
                self._save_if_due(dataclasses.replace(state, step=step), loss)
        seconds, images = time.monotonic() - start, total - done
        progress.close(total, note())
        self.seconds, self.images = self.seconds + seconds, self.images + images
        return {
            "loss": loss.mean(),
            "learning_rate": self._read_learning_rate(),
            "images_per_second": images / seconds,
            "input_wait_share": waited / seconds,
        }

    def _read_learning_rate(self) -> float:
        return float(tf.convert_to_tensor(self.network.optimizer.learning_rate))

    def _save_if_due(self, state: TrainState, loss: RunningLoss) -> None:
        """Saves within an epoch, by steps, by time or after a signal to any worker, which ends training."""
        stops = self.workers.count(self.preemption.name is not None)
        position = state.count_steps(self.batches.steps_per_epoch)
        if self.checkpoints and (stops or self.checkpoints.is_due(position)):
            loss_sum, loss_lines = loss.sum()
            self._save(dataclasses.replace(state, loss_sum=loss_sum, loss_lines=loss_lines))
        if stops:
            self.workers.part()
            signal = self.preemption.name or "a signal to another worker"
            raise Preempted(f"{signal} in epoch {state.epoch + 1}, after step {state.step}")

    def _summarise(self, state: TrainState) -> dict[str, Any]:
        return {
            "step": int(tf.convert_to_tensor(self.network.optimizer.iterations)),
            "loss": state.loss,
            "images_per_second": self.images / self.seconds if self.seconds else None,
            "split": self.config.validation_split,
            **{name: getattr(state.scores, name, None) for name in ("lines", "exact_match", "cer")},
        }
