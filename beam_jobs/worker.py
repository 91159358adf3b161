"""A worker process of the local runner: Beam's own, without its chatter on standard error.

What Beam logs here reaches the driver by Beam's logging channel, and what fails as the driver's exception. The
process ends with the one that started it, however that ends: nobody writes into a data set behind its back.
"""

import contextlib
import ctypes
import logging
import os
import signal
import sys
import threading
import time

# The environment variable that tells a worker the process that it serves.
PARENT = "DENSENET_OCR_PARENT"

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Serves the runner that started this process, by Beam's environment variables."""
    # Ctrl-C reaches the whole process group; the driver alone decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    # First, because Beam logs while it is imported, and would then show everything.
    logging.getLogger().addHandler(logging.NullHandler())
    from apache_beam.runners.worker import sdk_worker_main

    # Beam prints the traceback of every failure here, though the driver gets it too, and tells it to people.
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        sdk_worker_main.main(sys.argv)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        # At once; but it acts when the thread ends that started us, and not if that is over already.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch():
        while os.getppid() == int(os.environ[PARENT]):
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
