"""What a description tells of the run that made a split, beside what the split was made of."""

import importlib.metadata
import platform
import sys
import time
from typing import Any


def describe_run(start: float, *more: str) -> dict[str, Any]:
    """Command, versions and times of a run that began at `start`, in seconds since 1970.

    `more` names packages that it used beside those that all runs do.
    """
    packages = ("densenet-ocr", "apache-beam", "numpy", "pillow", *more)
    return {
        "command": sys.argv,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)),
        "seconds": round(time.time() - start, 2),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
