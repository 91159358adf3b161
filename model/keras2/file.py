"""A file of weights as Keras 2 wrote it: HDF5 with a group for each layer, whose order is in an attribute.

`save_weights` writes it at the file's root, `model.save` in the group model_weights, beside what the model was
built of. Keras 3 writes such files for models it saves as .h5, but has another layout for .weights.h5.
"""

import contextlib
import io
import itertools
import json
import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import h5py
import numpy as np

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
NAMES, WHOLE_MODEL = "layer_names", "model_weights"

# What h5py raises for files that are cut off, or were written over.
_DAMAGED = (
    OSError,
    LookupError,
    RuntimeError,
    ValueError,
    ArithmeticError,
    TypeError,
    AttributeError,
    MemoryError,
)

# zlib makes no data smaller than this (zlib.net, "technical details").
_DEFLATE_RATIO = 1032

# `kernel:0` of conv2d_3/kernel:0; TensorFlow makes a name that it has seen into kernel_1:0.
_VARIABLE = re.compile(r"(kernel|bias|gamma|beta|moving_mean|moving_variance)(?:_\d+)?(?::\d+)?")


class StoredLayer(NamedTuple):
    """A layer that has variables: its name, and each variable's array by kernel, bias, gamma and so on."""

    name: str
    arrays: dict[str, np.ndarray]


class StoredModel(NamedTuple):
    """The layers that have variables, in the model's order, and the settings of all layers, if stored."""

    layers: list[StoredLayer]
    settings: list[dict[str, Any]] | None


def is_keras2_file(path: str) -> bool:
    """Whether Keras 2 wrote a weights file; False for other files, damaged ones too. Reads its header only."""
    try:
        if not storage.is_url(path) and not os.path.isfile(path):
            return False
        with storage.local_copy(path) as copy, h5py.File(copy, "r") as file:
            return _find_group(file) is not None
    except _DAMAGED:
        return False


def read_keras2_file(path: str) -> StoredModel:
    """Reads the layers of a file; raises UserError for one that is damaged, or that no Keras 2 wrote."""
    if storage.is_folder(path):
        raise UserError(
            f"weights {path}",
            received="a folder",
            expected="a file of weights that Keras 2 wrote",
            remedy="Give the folder of a run, or of an export, by --model.",
        )
    with _open(path) as file:
        group = _find_group(file)
        if group is None:
            raise _refuse_layout(path, file)
        _check_origin(path, group)
        names = _read_names(group, NAMES)
        layers = [layer for name in names for layer in _read_layers(path, name, group[name])]
        return StoredModel(layers, _read_settings(file))


def refuse_network(path: str, *, received: str, expected: str) -> UserError:
    """Returns the error about a file with weights of another network than the notebook's."""
    remedy = "Weights of another network cannot be loaded."
    return UserError(f"weights {path}", received=received, expected=expected, remedy=remedy)


@contextlib.contextmanager
def _open(path: str) -> Iterator[h5py.File]:
    data = storage.read_bytes(path)
    if not data.startswith(SIGNATURE):
        raise UserError(
            f"weights {path}",
            received=f"a file that is not HDF5: it begins with {data[:12]!r}" if data else "an empty file",
            expected="a file that Keras 2 wrote",
            remedy="Fetch it again: a page or a pointer of a large-file store may have come in its place.",
        )
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            yield file
    except _DAMAGED as error:
        detail = (str(error) or repr(error)).splitlines()[0]
        raise UserError(
            f"weights {path}",
            received=f"a damaged file of {len(data)} bytes ({detail})",
            expected="a whole HDF5 file that Keras 2 wrote",
            remedy="Fetch it again, or take the file of another epoch.",
        ) from None


def _find_group(file: h5py.File) -> h5py.Group | None:
    for group in (file, file.get(WHOLE_MODEL)):
        if isinstance(group, h5py.Group) and (NAMES in group.attrs or f"{NAMES}0" in group.attrs):
            return group
    return None


def _refuse_layout(path: str, file: h5py.File) -> UserError:
    folder, name = storage.parent(path), os.path.basename(path)
    run = storage.parent(folder) or os.curdir
    if os.path.basename(folder) == "weights" and storage.exists(storage.join(run, "config.json")):
        return UserError(
            f"weights {path}",
            received=f"weights of the run {run}",
            expected="a file that Keras 2 wrote",
            remedy=f"Name the run: --model={run} --checkpoint={name}, or --init_from={run} in training.",
        )
    if "layers" in file or "_layer_checkpoint_dependencies" in file:
        return UserError(
            f"weights {path}",
            received="a weights file of Keras 3 that is not in a run",
            expected="a run, a file in a run's folder weights, or a file that Keras 2 wrote",
            remedy="Name the folder of the run: its charset maps classes to characters.",
        )
    return UserError(
        f"weights {path}",
        received=f"an HDF5 file without {NAMES}; it has {', '.join(list(file)[:5]) or 'nothing'}",
        expected="a file that save_weights or save of a Keras 2 model wrote",
        remedy="Save the model's weights again, with model.save_weights.",
    )


def _check_origin(path: str, group: h5py.Group) -> None:
    """Theano's convolutions turn their kernels round; Keras 1 had other layouts."""
    backend, version = (_decode(group.attrs.get(key, "")) for key in ("backend", "keras_version"))
    if backend == "theano" or version.startswith(("0.", "1.")):
        raise UserError(
            f"weights {path}",
            received=f"a file of Keras {version or '2'} on {backend or 'an unknown backend'}",
            expected="one of Keras 2 on TensorFlow, whose kernels lie in another way",
            remedy="Load it once with Keras 2 on TensorFlow, and save it again there.",
        )


def _read_layers(path: str, name: str, group: h5py.Group) -> Iterator[StoredLayer]:
    """The layer `name`; or, where that is a model, as multi_gpu_model makes it, the layers inside.

    A model lists the variables that train first, then the others, either in the order of its layers.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for variable in _read_names(group, "weight_names"):
        owner, _, own_name = variable.rpartition("/")
        match = _VARIABLE.fullmatch(own_name)
        arrays = found.setdefault(owner, {})
        if not match or match[1] in arrays:
            raise refuse_network(
                path,
                received=f"a layer {name} with a {'variable' if not match else 'second'} {variable}",
                expected="convolutions, batch norms and one dense layer, as the notebook's network has them",
            )
        arrays[match[1]] = _read_array(group[variable])
    together = {key: array for arrays in found.values() for key, array in arrays.items()}
    if len(together) == sum(map(len, found.values())):
        found = {name: together} if together else {}
    for owner, arrays in found.items():
        yield StoredLayer(owner.rpartition("/")[2], arrays)


def _read_array(stored: h5py.Dataset) -> np.ndarray:
    """A stored array of any shape, as float32."""
    _check_storage(stored)
    array = stored[()]
    if array.dtype.kind != "f":
        raise ValueError(f"{stored.name} has numbers of type {array.dtype}")
    return array.astype(np.float32)


def _check_storage(stored: h5py.Dataset) -> None:
    """Raises ValueError for an array that lies in another file, or that the file has too few bytes for."""
    # A link to another file leads nowhere, as h5py reads from memory here; these two would.
    if stored.external or stored.is_virtual:
        raise ValueError(f"{stored.name} lies in another file")
    if stored.nbytes > _DEFLATE_RATIO * stored.id.get_storage_size():
        raise ValueError(f"{stored.name} would have {stored.nbytes} bytes, more than the file can hold")


def _read_names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names; Keras splits one beyond HDF5's 64 kB: layer_names0, layer_names1, ..."""
    keys = [attribute] if attribute in group.attrs else _count_up(group, attribute)
    if not keys:
        raise KeyError(f"{group.name} has no {attribute}")
    return [_decode(name) for key in keys for name in np.atleast_1d(group.attrs[key])]


def _count_up(group: h5py.Group, attribute: str) -> list[str]:
    names = (f"{attribute}{number}" for number in itertools.count())
    return list(itertools.takewhile(lambda name: name in group.attrs, names))


def _read_settings(file: h5py.File) -> list[dict[str, Any]] | None:
    """The layers of model_config as `model.save` of Keras 2 writes it; Keras 3 writes it in another way.

    Where one of them is a model, as multi_gpu_model has it, those of that one.
    """
    if "model_config" not in file.attrs or _decode(file.attrs.get("keras_version", "")).startswith("3"):
        return None
    layers = json.loads(_decode(file.attrs["model_config"]))["config"]["layers"]
    inside = [layer for layer in layers if layer["class_name"] in ("Model", "Functional")]
    return inside[0]["config"]["layers"] if len(inside) == 1 else layers


def _decode(text: Any) -> str:
    return text.decode("utf-8") if isinstance(text, bytes) else str(text)
