"""Preemption: SIGTERM and Ctrl-C end training after the current step, with a checkpoint."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

# Exit code of a preempted run: EX_TEMPFAIL of sysexits.h, "try again".
EXIT_CODE = 75


class Preempted(Exception):
    """A signal ended training; a checkpoint is saved, from which the same command resumes."""


class PreemptionSignal:
    """The signal that asks a run to stop; `name` is None until one arrives."""

    def __init__(self) -> None:
        self.name: str | None = None

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """Stores a signal. A second Ctrl-C raises KeyboardInterrupt, which does not wait for the step."""
        if self.name and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.name = signal.Signals(number).name


@contextlib.contextmanager
def catch_signals() -> Iterator[PreemptionSignal]:
    """Catches SIGTERM and SIGINT within the block; in other threads than the main one nothing is caught."""
    preemption = PreemptionSignal()
    if threading.current_thread() is not threading.main_thread():
        yield preemption
        return
    before = {number: signal.signal(number, preemption.receive) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield preemption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
