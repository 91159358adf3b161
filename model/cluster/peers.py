"""The other workers: met before TensorFlow starts, and watched while it runs.

TensorFlow's own wait at the start has no end and lets no Python thread run. Later it waits forever for a worker
that is gone before it has joined, or hangs.
"""

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator

from absl import logging

from densenet_ocr.model.cluster.members import Cluster, opened_port, split_address
from densenet_ocr.pipeline.errors import UserError

# What a client of HTTP/2, and so of gRPC, sends first (RFC 9113, 3.4), with an empty SETTINGS frame. A server
# that works answers at once with its own SETTINGS, a frame with 9 bytes of head.
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_HEAD = 9

_PROBE_EVERY = 0.5  # seconds between two rounds of probes
_FIRST_REPORT = 5.0  # seconds until the log names who is missing; then twice as long each time
_EVERY, _REFUSALS = 1.0, 3  # seconds between two looks; so many refused connections in a row: it has ended
_GRACE = 10.0  # seconds for the main thread to end the process by itself


def meet_workers(cluster: Cluster, *, seconds: float) -> None:
    """Waits until each of the other workers has answered once at its address.

    Raises:
      UserError: not all of them have within `seconds`.
    """
    missing, start, shown = cluster.peers, time.monotonic(), _FIRST_REPORT
    with _answer_probes(cluster):
        while True:
            missing = [index for index in missing if not answers(cluster.workers[index])]
            if not missing:
                return
            waited, names = time.monotonic() - start, ", ".join(map(cluster.name, missing))
            if waited >= seconds:
                raise UserError(
                    names,
                    received=f"no answer for {waited:.0f} seconds",
                    expected="all workers to start",
                    remedy="Start all workers within --worker_timeout seconds, and check that their addresses "
                    f"in {cluster.source} can be reached from here.",
                )
            if waited >= shown:
                logging.info("waiting for %s", names)
                shown *= 2
            time.sleep(_PROBE_EVERY)


@contextlib.contextmanager
def _answer_probes(cluster: Cluster) -> Iterator[None]:
    """Answers the others' probes at this worker's address within the block; TensorFlow's server does later."""
    with opened_port(cluster.workers[cluster.index]) as server:
        server.listen(len(cluster.workers))
        thread = threading.Thread(target=_answer, args=(server,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)  # wakes the thread; the port would stay open under it
            thread.join()


def _answer(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(1)
            connection.recv(len(_GREETING))
            connection.sendall(_GREETING)


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
        heard = dict.fromkeys(self._cluster.peers, time.monotonic())
        refused = dict.fromkeys(heard, 0)
        while not self._done.wait(_EVERY):
            for index in heard:
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
                        self._cluster.name(index),
                        received="no process at its address"
                        if refused[index]
                        else f"no answer for {silent:.0f} seconds",
                        expected="all workers at work until the training ends",
                        remedy="Its log may say why. Start all workers again: they resume from the last "
                        "checkpoint.",
                    )
        return None


def answers(address: str, *, raises: bool = False, seconds: float = 5.0) -> bool:
    """Returns whether a worker answers at an address within some seconds.

    Raises:
      ConnectionRefusedError: nobody listens there, and `raises` is set.
    """
    try:
        with socket.create_connection(split_address(address), seconds) as connection:
            connection.settimeout(seconds)
            connection.sendall(_GREETING)
            return len(connection.recv(_HEAD)) > 0
    except OSError as error:
        if raises and isinstance(error, ConnectionRefusedError):
            raise
        return False
