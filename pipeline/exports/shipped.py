"""Models in the package: exports that commands take by a name in place of a path.

A shipped model is a folder below `pipeline/pretrained`, an export like any other. Its name has no slash, so
`./chinese` is a folder of the user's, and `chinese` is the model of the package.
"""

import functools
import os

from absl import logging

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "pretrained")
DEFAULT = "chinese"  # what reads where no model is named


def list_shipped() -> list[str]:
    """Returns the names of the shipped models, in order."""
    try:
        return sorted(entry.name for entry in os.scandir(FOLDER) if _is_model(entry.path))
    except OSError:
        return []


def find_shipped(path: str) -> str:
    """Returns the folder of a shipped model by its name; any other path as it is."""
    if not is_shipped(path):
        return path
    _warn_of_folder(path)
    return os.path.join(FOLDER, path)


def is_shipped(path: str) -> bool:
    """Whether a path is the name of a shipped model."""
    return path == os.path.basename(path) and _is_model(os.path.join(FOLDER, path))


def name_shipped() -> str:
    """Returns the names of the shipped models, for messages."""
    return ", ".join(list_shipped()) or "none"


@functools.cache  # once a process
def _warn_of_folder(name: str) -> None:
    if os.path.exists(name):
        logging.warning("%s: using the model of the package; name the local folder as ./%s", name, name)


def _is_model(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "export.json"))
