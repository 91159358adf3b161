"""The losses of an epoch's lines: their mean, and the lines to look at where one is no number."""

import math
from collections.abc import Callable

from densenet_ocr.model.training.step import StepLoss
from densenet_ocr.pipeline.errors import UserError

# What a state has of an epoch that has not begun.
NO_LOSS = {"loss_sum": 0.0, "loss_lines": 0.0}


class Losses:
    """Takes in the loss of each step without waiting for it; only `sum` waits for the devices' work.

    Every line counts alike, however many lines were in its batch.
    """

    def __init__(
        self, state: dict, *, batch_size: int, name_lines: Callable[[int], list[str]], first_step: int
    ):
        """Begins after `state["step"]` steps of an epoch, the first of which is the run's step `first_step`."""
        self._total, self._lines, self._steps = state["loss_sum"], state.get("loss_lines"), state["step"]
        if self._lines is None:  # an older run's state, which summed the means of batches
            self._total, self._lines = batch_size * self._total, batch_size * self._steps
        self._name_lines, self._first_step = name_lines, first_step
        self._pending = []

    def add(self, loss: StepLoss) -> None:
        """Takes in the next step's loss, whose tensors may still be on their way."""
        self._pending.append(loss)

    def sum(self) -> dict[str, float]:
        """What a state has of the losses; raises UserError with the lines of one that is not finite."""
        for mean, lines in self._pending:
            value = float(mean)
            if not math.isfinite(value):
                self._refuse(value)
            self._total += value * float(lines)
            self._lines += float(lines)
            self._steps += 1
        self._pending.clear()
        return {"loss_sum": self._total, "loss_lines": self._lines}

    def mean(self) -> float:
        """The mean loss of the lines so far; raises as `sum` does."""
        self.sum()
        return self._total / self._lines

    def _refuse(self, loss: float) -> None:
        step = self._first_step + self._steps
        keys = self._name_lines(step)
        shown = ", ".join(keys[:20]) + (f" and {len(keys) - 20} more" if len(keys) > 20 else "")
        raise UserError(
            f"training loss of step {step + 1}",
            received=loss,
            expected="a finite number",
            remedy="Lower --learning_rate, add --warmup_steps or --clip_norm, or look at this step's lines: "
            f"{shown}. The checkpoints before it are kept.",
        )
