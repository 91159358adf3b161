"""A worker process of the local runner: Beam's own, without its chatter on standard error.

What Beam logs here reaches the driver by Beam's logging channel, and what fails as the driver's exception. The
process ends with the one that started it, however that ends: nobody writes into a data set behind its back.
"""

import contextlib
import logging
import os
import sys

from densenet_ocr.beam_jobs.engine.parent import end_with_parent

# The environment variable that tells a worker the process that it serves.
PARENT = "DENSENET_OCR_PARENT"


def main() -> None:
    """Serves the runner that started this process, by Beam's environment variables."""
    end_with_parent(int(os.environ[PARENT]))
    # First, because Beam logs while it is imported, and would then show everything.
    logging.getLogger().addHandler(logging.NullHandler())
    from apache_beam.runners.worker import sdk_worker_main

    # Beam prints the traceback of every failure here, though the driver gets it too, and tells it to people.
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
