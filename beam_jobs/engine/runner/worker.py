"""Worker processes. That of the local runner is Beam's own, without its messages on standard error.

What Beam logs here reaches the driver through Beam's logging channel, and failures reach it as exceptions. The
process ends with the driver, however that ends, so that nobody writes into a data set after the command is
gone.
"""

import concurrent.futures
import contextlib
import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# The environment variable with the process ID of the driver.
PARENT = "DENSENET_OCR_PARENT"

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Serves the runner that started this process, configured by Beam's environment variables."""
    end_with_parent(int(os.environ[PARENT]))
    # Before Beam is imported: it logs while it is, and would then print everything.
    logging.getLogger().addHandler(logging.NullHandler())
    from apache_beam.runners.worker import sdk_worker_main

    # Beam prints a traceback of each failure here, which the driver gets and reports as well.
    with open(os.devnull, "w") as devnull, contextlib.redirect_stderr(devnull):
        sdk_worker_main.main(sys.argv)


def end_with_parent(pid: int) -> None:
    """Ends this process when its parent process `pid` has ended, and leaves Ctrl-C to the parent.

    Ctrl-C reaches the whole process group; only the parent decides what it means.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        # Immediate, but it acts when the parent's thread ends, and not if that has ended already.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == pid:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def map_in_processes(
    function: Callable[[_Item], _Result], items: Sequence[_Item], count: int
) -> Iterator[_Result]:
    """Yields the results of a function in order, computed by `count` processes that end with this one."""
    pool = concurrent.futures.ProcessPoolExecutor(
        count,
        multiprocessing.get_context("spawn"),
        initializer=end_with_parent,
        initargs=(os.getpid(),),
    )
    try:
        yield from pool.map(function, items)
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for items that are not started


if __name__ == "__main__":
    main()
