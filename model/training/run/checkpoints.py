"""Checkpoints of a run: variables and training state; the newest readable one is restored."""

import contextlib
import json
import os
import re
import time
from typing import Any

import tensorflow as tf
from absl import logging

from densenet_ocr.model.training.config import CheckpointConfig
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError


class _JsonState(tf.train.experimental.PythonState):
    """A JSON object that tf.train.Checkpoint saves with the variables."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {}

    def serialize(self) -> str:
        return json.dumps(self.content, default=float)  # numpy's numbers become floats

    def deserialize(self, string_value: str) -> None:
        self.content = json.loads(string_value)


class Checkpoints:
    """The checkpoints in one run's folder, and when the next one is due."""

    def __init__(self, folder: str, config: CheckpointConfig, **variables: Any):
        """Prepares saving.

        Args:
          folder: Folder of the checkpoints.
          config: How often to save and how many to keep.
          **variables: Trackable objects, such as a model; their names are a file format.
        """
        self._folder, self._config, self._state = folder, config, _JsonState()
        self._checkpoint = tf.train.Checkpoint(state=self._state, **variables)
        keep = config.keep_checkpoints
        self._opened = contextlib.ExitStack()  # for as long as this object lives
        self._place = self._opened.enter_context(storage.plain_path(folder))
        self._manager = tf.train.CheckpointManager(self._checkpoint, self._place, max_to_keep=keep)
        self._saved = time.monotonic()

    def is_due(self, step: int) -> bool:
        """Tells whether --checkpoint_steps or --checkpoint_minutes asks for a checkpoint after step `step`."""
        steps, minutes = self._config.checkpoint_steps, (time.monotonic() - self._saved) / 60
        return bool(steps and step % steps == 0) or minutes >= self._config.checkpoint_minutes

    def save(self, state: dict[str, Any], *, step: int) -> None:
        """Saves the variables and a JSON state as the checkpoint of step `step` of the run.

        Raises:
          UserError: the checkpoint cannot be written.
        """
        self._state.content = state
        try:
            self._manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as error:
            raise UserError(
                f"checkpoint in {self._folder}",
                received=str(error).splitlines()[0],
                expected="a folder with space that can be written",
                remedy="Free space and repeat the command: it resumes from the previous checkpoint.",
            ) from None
        self._saved = time.monotonic()

    def restore(self) -> dict[str, Any] | None:
        """Restores the newest readable checkpoint and returns its state; None if there is no checkpoint.

        Raises:
          UserError: there are checkpoints, but none can be read.
        """
        paths = find_checkpoints(self._folder)
        reasons = []
        for path in reversed(paths):
            try:
                # A checkpoint that lacks some of the variables would continue another run.
                self._checkpoint.restore(
                    os.path.join(self._place, os.path.basename(path))
                ).assert_existing_objects_matched()
                return self._state.content
            except (tf.errors.OpError, AssertionError, ValueError) as error:
                reasons.append(str(error).splitlines()[0])
                logging.warning("checkpoint %s cannot be read (%s)", path, reasons[-1])
        if paths:
            raise UserError(
                f"checkpoints in {self._folder}",
                received=f"{len(paths)}, none of which can be read (the newest: {reasons[0]})",
                expected="at least one that is complete, and of this network",
                remedy="Start another --run; this one's folder weights has the weights of its epochs.",
            )
        return None


def find_checkpoints(folder: str) -> list[str]:
    """Returns the checkpoints in a folder in order of their steps, from the files alone.

    TensorFlow's own list, the file `checkpoint`, may be missing or out of date after a crash.
    """
    found = {}
    for name in storage.list_names(folder):
        if match := re.fullmatch(r"ckpt-(\d+)\.index", name):
            found[int(match[1])] = os.path.join(folder, name.removesuffix(".index"))
    return [found[step] for step in sorted(found)]
