"""Packages: those that an installation may lack, which are those of the extras of pyproject.toml; versions."""

import contextlib
import importlib.metadata
import platform
from collections.abc import Iterator
from typing import Any

from densenet_ocr.pipeline.errors import UserError

# The extra that installs a package, by the name that the package is imported by.
EXTRAS = {
    "apache_beam": "train",
    "boto3": "cloud",
    "fontTools": "train",
    "h5py": "train",
    "jinja2": "train",
    "keras": "train",
    "lmdb": "lmdb",
    "matplotlib": "train",
    "obstore": "cloud",
    "onnx": "export",
    "onnxruntime": "read",
    "rapidfuzz": "train",
    "tensorflow": "train",
    "tf2onnx": "export",
    "urllib3": "cloud",
}


class MissingPackage(UserError, ImportError):
    """A package of an extra is not installed."""


@contextlib.contextmanager
def explain_missing() -> Iterator[None]:
    """Raises MissingPackage, which names the extra, where the block imports a package that is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise MissingPackage(
            f"package {package}",
            received="no such package in this Python environment",
            expected=f"the packages of densenet-ocr[{EXTRAS[package]}]",
            remedy=f"Install them: pip install 'densenet-ocr[{EXTRAS[package]}]'",
        ) from error


def list_versions(*packages: str) -> dict[str, Any]:
    """Returns the versions of Python and of packages; None for a package that is not installed."""
    return {"python": platform.python_version(), "packages": {name: find_version(name) for name in packages}}


def find_version(package: str) -> str | None:
    """Returns the version of an installed package; None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
