"""The state of a training loop between two steps: what a checkpoint stores besides variables."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from densenet_ocr.model.network.metrics import Scores
from densenet_ocr.model.training.step import StepLoss
from densenet_ocr.pipeline.errors import UserError

_SHOWN = 20  # keys of lines in an error message


@dataclasses.dataclass(frozen=True)
class TrainState:
    """Where a run stands. Checkpoints store the fields as JSON, so their names are a file format.

    Attributes:
      epoch: Number of finished epochs.
      step: Number of finished steps of the next epoch.
      stopped: Whether early stopping has ended the run.
      loss_sum: Sum of the training losses of the lines of the unfinished epoch.
      loss_lines: Number of these lines.
      loss: Mean training loss of the last finished epoch.
      scores: Validation scores of the best epoch.
      callbacks: State of the callbacks (see Callbacks.get_state), None before the first epoch ends.
      replicas: Replicas that trained; 0 in older checkpoints, which do not say it.
    """

    epoch: int = 0
    step: int = 0
    stopped: bool = False
    loss_sum: float = 0.0
    loss_lines: float = 0.0
    loss: float | None = None
    scores: Scores | None = None
    callbacks: dict[str, float | None] | None = None
    replicas: int = 0

    def to_json(self) -> dict[str, Any]:
        """Returns the state as a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any], *, batch_size: int) -> "TrainState":
        """Returns the state that `to_json`, perhaps of an older version, has written."""
        scores = Scores(**content["scores"]) if content["scores"] else None
        if "loss_lines" not in content:  # older versions summed the mean losses of batches
            lines = batch_size * content["step"]
            content = {**content, "loss_sum": batch_size * content["loss_sum"], "loss_lines": lines}
        return cls(**{**content, "scores": scores})

    def count_steps(self, steps_per_epoch: int) -> int:
        """Returns the number of finished steps of the run."""
        return self.epoch * steps_per_epoch + self.step


class RunningLoss:
    """The mean training loss of an epoch's lines; each line has the same weight, whatever its batch's size.

    Losses are added as tensors that the device may still be computing; only `sum` and `mean` wait for them.
    """

    def __init__(self, state: TrainState, *, first_step: int, list_keys: Callable[[int], list[str]]):
        """Continues the sum of an unfinished epoch.

        Args:
          state: State at the first step whose loss is added.
          first_step: Number of the run's steps, from 0, at which that epoch starts.
          list_keys: Returns the keys of the lines of a step of the run; for the error message.
        """
        self._total, self._lines, self._step = state.loss_sum, state.loss_lines, first_step + state.step
        self._list_keys = list_keys
        self._pending: list[StepLoss] = []

    def add(self, loss: StepLoss) -> None:
        """Adds the loss of the next step."""
        self._pending.append(loss)

    def sum(self) -> tuple[float, float]:
        """Returns the sum of the losses and the number of lines.

        Raises:
          UserError: a loss is not finite; names the lines of that step.
        """
        for mean, lines in self._pending:
            value = float(mean)
            if not math.isfinite(value):
                self._refuse(value)
            self._total += value * float(lines)
            self._lines += float(lines)
            self._step += 1
        self._pending.clear()
        return self._total, self._lines

    def mean(self) -> float:
        """Returns the mean loss of the lines so far; raises as `sum` does."""
        total, lines = self.sum()
        return total / lines

    def _refuse(self, loss: float) -> None:
        keys = self._list_keys(self._step)
        more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        raise UserError(
            f"training loss of step {self._step + 1}",
            received=loss,
            expected="a finite number",
            remedy="Lower --learning_rate, set --warmup_steps or --clip_norm, or check the lines of this step: "
            f"{', '.join(keys[:_SHOWN])}{more}. Earlier checkpoints are kept.",
        )
