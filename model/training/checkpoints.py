"""What going on with a run takes: the last few checkpoints, of which the newest that can be read counts."""

import json
import os
import re

import tensorflow as tf
from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError


class JsonState(tf.train.experimental.PythonState):
    """A dictionary that a tf.train.Checkpoint saves beside the variables."""

    def __init__(self):
        self.content: dict = {}

    def serialize(self) -> str:
        """The dictionary as text; numpy's numbers become plain ones."""
        return json.dumps(self.content, default=float)

    def deserialize(self, string_value) -> None:
        """Takes the dictionary from text."""
        self.content = json.loads(string_value)


class Checkpoints:
    """The checkpoints of one run: variables, and a dictionary of the run's own state."""

    def __init__(self, folder: str, *, keep: int, **variables):
        """`variables` are what a tf.train.Checkpoint saves; the last `keep` checkpoints stay."""
        self._folder, self._state = folder, JsonState()
        self._checkpoint = tf.train.Checkpoint(state=self._state, **variables)
        self._manager = tf.train.CheckpointManager(self._checkpoint, folder, max_to_keep=keep)

    def save(self, state: dict, *, step: int) -> None:
        """Saves after training step `step`, which names the checkpoint."""
        self._state.content = state
        try:
            self._manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as error:
            raise UserError(
                f"checkpoint in {self._folder}",
                received=str(error).splitlines()[0],
                expected="a folder with space that can be written",
                remedy="Free space and give the same command again: it goes on from the checkpoint before.",
            ) from None

    def restore(self) -> dict | None:
        """Restores the newest checkpoint that can be read and returns its state; None where there is none."""
        paths = find_checkpoints(self._folder)
        for path in reversed(paths):
            try:
                # All variables have to come from it: half a checkpoint would be another run.
                self._checkpoint.restore(path).assert_existing_objects_matched()
                return self._state.content
            except (tf.errors.OpError, AssertionError, ValueError) as error:
                reason = str(error).splitlines()[0]
                logging.warning("checkpoint %s cannot be read (%s); trying the one before", path, reason)
        if paths:
            raise UserError(
                f"checkpoints in {self._folder}",
                received=f"{len(paths)}, none of which can be read",
                expected="at least one that is whole",
                remedy="Begin anew with another --run; weights of single epochs are in its folder weights.",
            )
        return None


def find_checkpoints(folder: str) -> list[str]:
    """Checkpoints that lie in a folder, by their steps; TensorFlow's own list of them may be lost or behind."""
    found = {}
    for name in storage.list_names(folder):
        if match := re.fullmatch(r"ckpt-(\d+)\.index", name):
            found[int(match[1])] = os.path.join(folder, name.removesuffix(".index"))
    return [found[step] for step in sorted(found)]
