"""The losses of an epoch's steps: their mean, and the lines to look at where one is no number."""

import math
from collections.abc import Callable

from pipeline.errors import UserError


class Losses:
    """Takes in the loss of each step without waiting for it; the devices' work is waited for in `sum` alone."""

    def __init__(self, total: float, steps: int, name_lines: Callable[[int], list[str]], first_step: int):
        """Begins with the sum of `steps` steps; the epoch's first one is number `first_step` of the run."""
        self._total, self._steps = total, steps
        self._name_lines, self._first_step = name_lines, first_step
        self._pending = []

    def add(self, loss) -> None:
        """Takes in the next step's loss, a scalar tensor that may still be on its way."""
        self._pending.append(loss)

    def sum(self) -> float:
        """The sum of all losses; raises UserError with the lines of the first step whose loss is not finite."""
        for loss in self._pending:
            value = float(loss)
            if not math.isfinite(value):
                self._refuse(value)
            self._total += value
            self._steps += 1
        self._pending.clear()
        return self._total

    def mean(self) -> float:
        """The mean loss of the steps so far; raises as `sum` does."""
        return self.sum() / self._steps

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
