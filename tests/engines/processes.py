"""Servers as processes of their own: started in a group each, waited for, and ended with their children."""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

START_SECONDS = 120  # a JVM on a busy machine of two cores


class Server:
    """A process and its children, with their output in a file."""

    def __init__(
        self, command: Sequence[str], log: pathlib.Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | dict(environment or {}),
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process, and with SIGKILL what is left of its group ten seconds later."""
        self._signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def kill(self) -> None:
        """Ends the process and its children at once, as a machine that loses power."""
        self.stop(signal.SIGKILL)

    def _signal(self, how: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, how)

    def wait_for(self, is_ready: Callable[[], bool]) -> None:
        """Waits until the server is ready.

        Raises:
          RuntimeError: it has ended, or is not ready in START_SECONDS.
        """
        end = time.monotonic() + START_SECONDS
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                text = self.log.read_text(errors="replace")
                raise RuntimeError(f"{self._process.args} is not ready; {self.log} ends with\n{text[-3000:]}")
            time.sleep(0.2)


def _end_with_parent() -> None:
    """Ends this process when the tests end, however they do."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG of linux/prctl.h


_given: set[int] = set()


def find_port() -> int:
    """Returns a port that is free at all addresses of this machine, and that no earlier call returned."""
    while True:
        with socket.socket() as probe:
            probe.bind(("", 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def answers(host: str, port: int) -> bool:
    """Returns whether a server listens on a port."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def open_java(*packages: str) -> list[str]:
    """Returns the options of Java 17 that open packages of java.base, as Flink and Spark need them."""
    return [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in packages]
