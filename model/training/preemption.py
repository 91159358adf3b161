"""Requests to stop: SIGTERM and Ctrl-C, taken note of and met when a training step is over."""

import contextlib
import signal
import threading
from collections.abc import Iterator

# What a training that was asked to stop, and saved, exits with: EX_TEMPFAIL of sysexits.h, "try again".
EXIT_CODE = 75


class Preempted(Exception):
    """A training was asked to stop, and has saved all that it takes to go on."""


class PreemptionSignal:
    """Whether a signal has asked to stop."""

    def __init__(self):
        self.signal: str | None = None

    def note(self, number: int, _frame) -> None:
        """Takes note of a signal; a second Ctrl-C does not wait any longer."""
        if self.signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number).name


@contextlib.contextmanager
def listen() -> Iterator[PreemptionSignal]:
    """Listens for SIGTERM and SIGINT within the block; only a process's main thread can, others never stop."""
    request = PreemptionSignal()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request.note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
