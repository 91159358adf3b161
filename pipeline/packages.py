"""Packages that an installation may lack: those of the extras of pyproject.toml."""

import contextlib
import platform
import warnings
from collections.abc import Iterator

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
    "tensorflow_io": "io",
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


def load_file_system(url: str) -> None:
    """Makes a URL's file system known to tf.io.gfile and tf.data in this process, by tensorflow-io if need be.

    TensorFlow itself has gs://; tensorflow-io brings s3, az, hdfs, http and https.

    Args:
      url: A URL, or the start of one.

    Raises:
      UserError: tensorflow-io is not installed, does not load with this TensorFlow, or lacks the scheme.
    """
    with explain_missing():
        import tensorflow as tf
    scheme = url.partition("://")[0]
    if scheme in tf.io.gfile.get_registered_schemes():
        return
    tensorflow_io = _import_tensorflow_io()
    if scheme not in tf.io.gfile.get_registered_schemes():
        python = ".".join(platform.python_version_tuple()[:2])
        raise UserError(
            url,
            received=f"TensorFlow {tf.__version__} {tensorflow_io} on Python {python}",
            expected=f"a TensorFlow that reads {scheme}://",
            remedy="TensorFlow 2.16 does so with tensorflow-io, on Python 3.11 or 3.12: "
            "pip install 'densenet-ocr[io]'. Or copy the files to this machine.",
        )


def _import_tensorflow_io() -> str:
    """Imports tensorflow-io if it is installed, and returns a description of what was found."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of symbols that another TensorFlow lacks
            import tensorflow_io
    except ImportError:
        return "without tensorflow-io"
    return f"with tensorflow-io {tensorflow_io.__version__}"
