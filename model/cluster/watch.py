"""Watches the other workers: TensorFlow waits forever for one that is gone before it has joined, or hangs."""

import os
import sys
import threading
import time

from densenet_ocr.model.cluster.members import Cluster
from densenet_ocr.model.cluster.probe import answers
from densenet_ocr.pipeline.errors import UserError

_EVERY, _REFUSALS = 1.0, 3  # seconds between two looks; so many refused connections in a row: it has ended
_GRACE = 10.0  # seconds for the main thread to end the process by itself


class PeerWatch:
    """A thread that ends the process where another worker does not answer.

    A collective operation that waits for such a worker cannot be interrupted, so the thread ends the process by
    itself if the main thread does not.
    """

    def __init__(self, cluster: Cluster, *, seconds: float):
        """Starts watching.

        Args:
          cluster: The workers.
          seconds: How long to wait for workers at the start, and for one that does not answer. One whose port
            is closed has ended, for which three seconds are enough.
        """
        self._cluster, self._seconds = cluster, seconds
        self._lost: UserError | None = None
        self._found, self._joined, self._done = threading.Event(), threading.Event(), threading.Event()
        self._raised = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Ends the wait for workers: from now on one that does not answer is lost."""
        self._joined.set()

    def stop(self) -> None:
        """Ends watching."""
        self._done.set()
        self._thread.join()

    def explain(self, error: Exception) -> UserError:
        """Returns what is to be said about a failed operation: which worker is gone, if one is."""
        self._raised.set()
        self._found.wait(_EVERY * (_REFUSALS + 2))
        self._done.set()
        return self._lost or UserError(
            "workers",
            received=f"an operation over all of them that failed ({str(error).splitlines()[0][:300]})",
            expected="all workers at work",
            remedy="The logs of the others may say why. Start all workers again: they resume from the last "
            "checkpoint.",
        )

    def _run(self) -> None:
        self._lost = self._wait_for_all() or self._watch()
        self._found.set()
        if not self._lost:
            return
        # The main thread may raise it, or wait forever in an operation.
        if not self._raised.wait(0 if not self._joined.is_set() else _GRACE):
            print(f"error: {self._lost}", file=sys.stderr, flush=True)
            os._exit(1)

    def _wait_for_all(self) -> UserError | None:
        """Waits until this process has joined the others; returns an error where that takes too long."""
        start = time.monotonic()
        while not self._joined.wait(_EVERY):
            if self._done.is_set():
                return None
            if time.monotonic() - start >= self._seconds:
                return UserError(
                    "workers",
                    received=f"none that joined this one for {self._seconds:.0f} seconds",
                    expected="all workers to start",
                    remedy="Their logs may say why. Start all workers again.",
                )
        return None

    def _watch(self) -> UserError | None:
        heard = {index: time.monotonic() for index, _ in self._list_peers()}
        refused = dict.fromkeys(heard, 0)
        while not self._done.wait(_EVERY):
            for index, name in self._list_peers():
                try:
                    found = answers(self._cluster.workers[index], raises=True)
                    refused[index] = 0
                except ConnectionRefusedError:
                    found, refused[index] = False, refused[index] + 1
                if found:
                    heard[index] = time.monotonic()
                silent = time.monotonic() - heard[index]
                if refused[index] >= _REFUSALS or silent >= self._seconds:
                    return UserError(
                        name,
                        received="no process at its address"
                        if refused[index]
                        else f"no answer for {silent:.0f} seconds",
                        expected="all workers at work until the training ends",
                        remedy="Its log may say why. Start all workers again: they resume from the last "
                        "checkpoint.",
                    )
        return None

    def _list_peers(self) -> list[tuple[int, str]]:
        numbers = range(len(self._cluster.workers))
        return [(k, self._cluster.name(k)) for k in numbers if k != self._cluster.index]
