"""Progress of long work on standard error: one updated line on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable


class Progress:
    """Shows units done, the rate, the time used and the time left.

    Args:
      title: What the work is.
      total: Units to do.
      unit: Plural of their name, such as "lines".
      done: Units that an earlier run has done; they do not count for the rate.
      every_seconds: Interval of lines that do not go to a terminal.
    """

    def __init__(self, title: str, total: int, unit: str, *, done: int = 0, every_seconds: float = 10.0):
        self._title, self._total, self._unit, self._done_before = title, total, unit, done
        self._terminal = sys.stderr.isatty()
        self._every = 0.2 if self._terminal else every_seconds
        self._start = self._shown = time.monotonic()

    def show(self, done: int, note: Callable[[], str] = str) -> None:
        """Shows the state if the interval is over; only then calls `note` for a text at its end."""
        now = time.monotonic()
        if now - self._shown >= self._every:
            self._shown = now
            self._print(self._describe(done, now - self._start, note()))

    def close(self, done: int, note: str = "") -> None:
        """Shows the final state and ends the line."""
        self._print(self._describe(done, time.monotonic() - self._start, note))
        if self._terminal:
            print(file=sys.stderr)

    def _describe(self, done: int, seconds: float, note: str) -> str:
        rate = (done - self._done_before) / seconds if seconds > 0 else 0.0
        left = f", {_clock((self._total - done) / rate)} left" if rate and done < self._total else ""
        shown_rate = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
        parts = [f"{done:,} of {self._total:,} {self._unit}", f"{shown_rate}/s", f"{_clock(seconds)}{left}"]
        return f"{self._title}: {', '.join(parts + [note] * bool(note))}"

    def _print(self, text: str) -> None:
        start, end = ("\r\x1b[K", "") if self._terminal else ("", "\n")
        print(start + text, end=end, file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
