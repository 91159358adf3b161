"""The provenance of a split: command, versions and times of the run that wrote it."""

import sys
import time
from typing import Any

from densenet_ocr.pipeline.packages import list_versions


def describe_run(start: float, *more_packages: str) -> dict[str, Any]:
    """Returns the command, versions and times of this run.

    Args:
      start: When it started, in seconds since 1970.
      *more_packages: Packages that it uses besides those of every run.
    """
    packages = ("densenet-ocr", "apache-beam", "numpy", "pillow", *more_packages)
    return {
        "command": sys.argv,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)),
        "seconds": round(time.time() - start, 2),
        **list_versions(*packages),
    }
