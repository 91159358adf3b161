"""A worker process of the local runner: Beam's own, without its chatter on standard error.

What Beam logs here reaches the driver by Beam's logging channel as well; only errors are shown at once.
"""

import logging
import sys


def main() -> None:
    """Serves the runner that started this process, by Beam's environment variables."""
    errors = logging.StreamHandler()
    errors.setLevel(logging.ERROR)
    # First, because Beam logs while it is imported, and would then show everything.
    logging.getLogger().addHandler(errors)
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
