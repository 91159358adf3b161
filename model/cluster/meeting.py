"""Meets the other workers before TensorFlow starts: its own wait has no end and lets no Python thread run."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from absl import logging

from densenet_ocr.model.cluster.members import Cluster
from densenet_ocr.model.cluster.probe import GREETING, answers
from densenet_ocr.pipeline.errors import UserError

_EVERY = 0.5  # seconds between two rounds of probes
_FIRST_REPORT = 5.0  # seconds until the log names who is missing; then twice as long each time


def meet_workers(cluster: Cluster, *, seconds: float) -> None:
    """Waits until each of the other workers has answered once at its address.

    Raises:
      UserError: not all of them have within `seconds`.
    """
    missing = {index for index in range(len(cluster.workers)) if index != cluster.index}
    start, shown = time.monotonic(), _FIRST_REPORT
    with _answer_probes(cluster):
        while True:
            missing -= {index for index in missing if answers(cluster.workers[index])}
            if not missing:
                return
            waited, names = time.monotonic() - start, ", ".join(map(cluster.name, sorted(missing)))
            if waited >= seconds:
                raise _refuse(cluster, names, waited)
            if waited >= shown:
                logging.info("waiting for %s", names)
                shown *= 2
            time.sleep(_EVERY)


@contextlib.contextmanager
def _answer_probes(cluster: Cluster) -> Iterator[None]:
    """Answers the others' probes at this worker's address within the block; TensorFlow's server does later."""
    host, _, port = cluster.workers[cluster.index].rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("", int(port)))
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
            connection.recv(len(GREETING))
            connection.sendall(GREETING)


def _refuse(cluster: Cluster, names: str, waited: float) -> UserError:
    return UserError(
        names,
        received=f"no answer for {waited:.0f} seconds",
        expected="all workers to start",
        remedy="Start all workers within --worker_timeout seconds, and check that their addresses "
        f"in {cluster.source} can be reached from here.",
    )
